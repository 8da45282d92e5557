"""Run by Houdini when its interface is ready; the code is in scripts/pythonrc.py."""

try:
    import runpy

    import hdaemon.paths

    runpy.run_path(hdaemon.paths.pythonrc(), run_name="uiready")
except Exception as error:  # a start-up file that raises would stop the files after it
    import sys

    sys.stderr.write(f"hdaemon: not loaded: {error} (run `hdaemon install` again)\n")
