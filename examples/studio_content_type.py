"""A content type of your own: from then on a message that says it carries one gives the value, not bytes.

Put the three lines where your studio starts hdaemon (a pythonrc.py or uiready.py of your pipeline's package). What the
function raises is shown as the message's error, and its data stay bytes.
"""

import struct

from hdaemon import content

content.register(
    "application/x-studio-camera", lambda payload: struct.unpack("<7d", payload)
)  # tx ty tz rx ry rz focal
