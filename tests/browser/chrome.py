"""A headless Chromium, spoken to through its debugging pipe: no driver, no port, no package beyond the standard library."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0


def find_program() -> str | None:
    """Return the browser of this machine, if there is one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Chrome:
    """One browser process; every page it opens records requests and console errors."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="chrome-")
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        command = [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            f"--user-data-dir={self._profile}",
            "--remote-debugging-pipe",
        ]
        # The browser reads descriptor 3 and writes descriptor 4.
        shell = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "chrome", *command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """End the browser and remove its profile."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send one command and return its result; raises RuntimeError with the browser's words."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while True:
            answer = self._message(until)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            self.events.append(answer)

    def wait_for(self, event: str, session: str) -> None:
        """Read messages until an event of a session has come."""
        until = time.monotonic() + PATIENCE
        while not any(e.get("method") == event and e.get("sessionId") == session for e in self.events):
            self.events.append(self._message(until))

    def _message(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise RuntimeError("the browser has ended")
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(message))

    def open(self, address: str, *, width: int = 1280, height: int = 900, scripts: bool = True) -> Tab:
        """Open a page in a new tab and wait until it is loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, target, session)
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable", session)
        if not scripts:
            self.call("Emulation.setScriptExecutionDisabled", session, value=True)
        tab.resize(width, height)
        tab.go(address)
        return tab


class Tab:
    """One page."""

    def __init__(self, chrome: Chrome, target: str, session: str) -> None:
        self._chrome, self._target, self._session = chrome, target, session

    def go(self, address: str) -> None:
        """Load an address."""
        self._chrome.events = [e for e in self._chrome.events if e.get("method") != "Page.loadEventFired"]
        self._chrome.call("Page.navigate", self._session, url=address)
        self._chrome.wait_for("Page.loadEventFired", self._session)

    def resize(self, width: int, height: int = 900) -> None:
        """Set the size of the window in CSS pixels."""
        self._chrome.call(
            "Emulation.setDeviceMetricsOverride",
            self._session,
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run(self, script: str) -> Any:
        """Evaluate a script and return its value."""
        answer = self._chrome.call(
            "Runtime.evaluate", self._session, expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key: Enter, Space or Tab."""
        code, text, number = {"Enter": ("Enter", "\r", 13), "Space": ("Space", " ", 32), "Tab": ("Tab", "", 9)}[key]
        fields: dict[str, Any] = {"key": " " if key == "Space" else key, "code": code, "windowsVirtualKeyCode": number}
        self._chrome.call("Input.dispatchKeyEvent", self._session, type="keyDown", text=text, **fields)
        self._chrome.call("Input.dispatchKeyEvent", self._session, type="keyUp", **fields)

    def picture(self, path: Path) -> None:
        """Save what is seen as PNG."""
        import base64

        data = self._chrome.call("Page.captureScreenshot", self._session, format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def printed(self, path: Path) -> None:
        """Save the page as it is printed, on the sheet its style asks for."""
        import base64

        data = self._chrome.call("Page.printToPDF", self._session, preferCSSPageSize=True)["data"]
        path.write_bytes(base64.b64decode(data))

    @property
    def requests(self) -> list[str]:
        """Return the addresses that were requested."""
        return [e["params"]["request"]["url"] for e in self._events("Network.requestWillBeSent")]

    @property
    def errors(self) -> list[str]:
        """Return what the console complained about."""
        logged = [e["params"]["entry"]["text"] for e in self._events("Log.entryAdded")]
        thrown = [str(e["params"]["exceptionDetails"])[:300] for e in self._events("Runtime.exceptionThrown")]
        return logged + thrown

    def _events(self, method: str) -> list[dict[str, Any]]:
        return [e for e in self._chrome.events if e.get("method") == method and e.get("sessionId") == self._session]

    def close(self) -> None:
        """Close the tab."""
        self._chrome.call("Target.closeTarget", targetId=self._target)
