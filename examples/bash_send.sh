#!/usr/bin/env bash
# Send one line with nothing but bash.
#   ./bash_send.sh "Hello Houdini"
#   HDAEMON_PORT=2001 ./bash_send.sh "Hello Houdini"
set -euo pipefail
exec 3<>"/dev/tcp/${HDAEMON_HOST:-127.0.0.1}/${HDAEMON_PORT:-2000}"
printf '%s\n' "${*:-Hello Houdini}" >&3
exec 3>&-
