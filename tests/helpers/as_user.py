#!/usr/bin/env python3
"""as_user.py UID SCRIPT ARGUMENT...: runs Python text as that user, with what follows in sys.argv[1:].

The interpreter may lie where that user cannot look: it becomes the user when it runs.
"""
import ctypes
import errno
import fcntl
import os
import resource
import socket
import struct
import sys
import threading
import time

uid, script = int(sys.argv[1]), sys.argv[2]
sys.argv = [script] + sys.argv[3:]
if uid != 0:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
exec(compile(script, "script", "exec"))
