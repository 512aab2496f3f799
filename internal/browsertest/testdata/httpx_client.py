"""Listens with httpx-sse, and writes each message as a line of JSON."""

import json
import sys
import time

import httpx
from httpx_sse import connect_sse

url = sys.argv[1]
last, retry = "", 0.02
with httpx.Client() as client:
    while True:
        headers = {"Last-Event-ID": last} if last else {}
        try:
            with connect_sse(client, "GET", url, headers=headers) as source:
                for event in source.iter_sse():
                    # What the README of httpx-sse has programs keep.
                    last = event.id
                    if event.retry is not None:
                        retry = event.retry / 1000
                    print(json.dumps({"Type": event.event, "Data": event.data, "ID": event.id}), flush=True)
        except httpx.ConnectError:
            sys.exit("the test is over")
        except httpx.TransportError:
            pass
        time.sleep(retry)
