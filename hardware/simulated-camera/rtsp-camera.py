#!/usr/bin/python3
"""A camera that is not there: serves rtsp://127.0.0.1:PORT/test, H.264 with a running clock, until it is ended.

usage: rtsp-camera.py [--port 8554] [--size 1280x720] [--rate 30] [--audio [pcma|pcmu|aac]] [--user NAME --password WORD]

PORT 0 picks a free one. Once it serves, it prints its URL. Debian: gir1.2-gst-rtsp-server-1.0, python3-gi,
gstreamer1.0-plugins-good, -bad (voaacenc) and -ugly (x264enc).
"""
import argparse

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
width, height = options.size.split("x")

Gst.init(None)
video = (
    f"videotestsrc is-live=true ! video/x-raw,width={width},height={height},framerate={options.rate}/1"
    f" ! timeoverlay ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 key-int-max={2 * int(options.rate)}"
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
