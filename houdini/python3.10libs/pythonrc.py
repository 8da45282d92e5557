"""Run by Houdini before its interface is made, and in hython and hbatch; the code is in scripts/pythonrc.py."""

try:
    import runpy

    import hdaemon.paths

    runpy.run_path(hdaemon.paths.pythonrc(), run_name="pythonrc")
except Exception as error:  # a start-up file that raises would stop the files after it
    import sys

    sys.stderr.write(f"hdaemon: not loaded: {error} (run `hdaemon install` again)\n")
