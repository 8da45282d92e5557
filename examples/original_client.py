"""The client of 2012 as it was, but that Python 3 sends bytes."""

import socket

s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.connect(("localhost", 2000))
s.send(b"Hellow Houdini, I am your father")
s.close()
