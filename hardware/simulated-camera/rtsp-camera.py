#!/usr/bin/python3
"""A camera that is not there: serves rtsp://127.0.0.1:PORT/test, H.264 with a running clock, until it is ended.

usage: rtsp-camera.py [--port 8554] [--size 1280x720] [--rate 30] [--audio [pcma|pcmu|aac]] [--user NAME --password WORD]

PORT 0 picks a free one. Once it serves, it prints its URL. Debian: gir1.2-gst-rtsp-server-1.0, python3-gi,
gstreamer1.0-plugins-good, -bad (voaacenc) and -ugly (x264enc). The width is a multiple of 8; from 416x32 on there is
room for marks.
"""
import argparse
import itertools
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--port", default="8554")
parser.add_argument("--size", default="1280x720")
parser.add_argument("--rate", default="30")
parser.add_argument("--audio", nargs="?", const="pcma", choices=("pcma", "pcmu", "aac"))
parser.add_argument("--user")
parser.add_argument("--password", default="")
options = parser.parse_args()
width, height = (int(side) for side in options.size.split("x"))
rate = int(options.rate)

# The marks of the device's test pattern (docs/reference/device.md): rows of 26 blocks of 16 by 16 pixels.
BLOCK, BITS = 16, 24
WHITE, BLACK = b"\xeb" * BLOCK, b"\x10" * BLOCK
HAS_MARKS = width >= (BITS + 2) * BLOCK and height >= 2 * BLOCK


def marks(value):
    bits = f"1{value % 2**BITS:0{BITS}b}0"
    return b"".join(WHITE if bit == "1" else BLACK for bit in bits)


def picture(number, shades):
    """I420: shades that wander, and on top of them the frame's number and the time, as a Gray code."""
    shift = 4 * number % width
    luma = bytearray(shades[shift : shift + width * height])
    hundredths = int(time.time() * 100)
    rows = [marks(number), marks(hundredths ^ hundredths >> 1)] if HAS_MARKS else []
    for line in range(len(rows) * BLOCK):
        row = rows[line // BLOCK]
        luma[line * width : line * width + len(row)] = row
    return bytes(luma) + b"\x80" * (width * height // 2)


def film(_factory, media):
    """Feeds what somebody begins to look at, a frame each time that it asks for one."""
    shades = bytes(40 + 160 * abs(2 * x - width) // width for x in range(width)) * (height + 1)
    numbers = itertools.count()

    def feed(source, _bytes):
        number = next(numbers)
        buffer = Gst.Buffer.new_wrapped(picture(number, shades))
        buffer.pts = number * Gst.SECOND // rate
        buffer.duration = Gst.SECOND // rate
        source.emit("push-buffer", buffer)

    media.get_element().get_by_name("film").connect("need-data", feed)


Gst.init(None)
video = (
    f"appsrc name=film is-live=true format=time max-buffers=1 max-bytes=0"
    f" caps=video/x-raw,format=I420,width={width},height={height},framerate={rate}/1"
    f" ! identity sync=true ! timeoverlay valignment=bottom"
    f" ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 key-int-max={2 * rate}"
    " ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1"
)
sounds = {
    None: "",
    "pcma": " audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8",
    "pcmu": " audiotestsrc is-live=true ! mulawenc ! rtppcmupay name=pay1 pt=0",
    "aac": " audiotestsrc is-live=true ! voaacenc ! aacparse ! rtpmp4gpay name=pay1 pt=97",
}
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( {video}{sounds[options.audio]} )")
factory.set_shared(True)
factory.connect("media-configure", film)

server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(options.port)
if options.user:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory("/test", factory)
if server.attach(None) == 0:
    raise SystemExit(f"port {options.port} is taken")
print(f"rtsp://127.0.0.1:{server.get_bound_port()}/test", flush=True)
GLib.MainLoop().run()
