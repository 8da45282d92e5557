"""hdaemon's start-up code: the one place where Houdini starts the server.

Houdini does not run this file by itself; the shims houdini/pythonX.Ylibs/pythonrc.py and uiready.py do, with their
own names as __name__.
"""

import sys

try:
    from hdaemon.houdini import startup
except Exception as error:  # a start-up file that raises would stop the files after it
    sys.stderr.write(f"hdaemon: not loaded: {error} (run `hdaemon install` again)\n")
else:
    startup.start_from_environment(early=__name__ == "pythonrc")
