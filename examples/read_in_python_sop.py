"""The code of a Python SOP that makes a point of what telemetry.py sends.

Paste it into the node; the server must be in evaluate mode, or nothing is stored. The node cooks with the newest
value each time it cooks: depend on the time ($F in a parameter) to see it move with the playbar.
"""

import json

import hou

stored = getattr(hou.session, "dataobject", None)  # None: no server was started in this session

geo = hou.pwd().geometry()
if stored is not None and stored.message is not None:
    value = json.loads(stored.data)  # stored["default"].data would be the newest of that channel
    point = geo.createPoint()
    point.setPosition((value["x"], value["y"], value["z"]))
    geo.addAttrib(hou.attribType.Global, "serial", 0)
    geo.setGlobalAttribValue("serial", stored.message.serial)
