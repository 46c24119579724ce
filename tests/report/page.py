"""A report's page in a real Chromium that reports every request, message and error."""

import base64
import json
import shutil
from pathlib import Path

WIDTHS = (375, 1440)
THEMES = ("light", "dark")
TALL = 12_000
NAMES = ("chromium", "chromium-browser", "google-chrome")


class Page:
    """One browser; `open` loads a page afresh under a theme and a width."""

    def __init__(self):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = next(filter(None, map(shutil.which, NAMES)))
        for flag in (
            "headless=new",
            "no-sandbox",
            "disable-dev-shm-usage",
            "disable-gpu",
            "hide-scrollbars",
        ):
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(60)

    def open(self, path: Path, *, width=1440, height=900, theme="light"):
        """Waits until the page's script has run to its end, and figures in view are drawn."""
        feature = {"name": "prefers-color-scheme", "value": theme}
        self.cdp("Emulation.setEmulatedMedia", features=[feature])
        self.resize(width, height)
        self.logs()
        self.driver.get(path.as_uri())
        self.until("return document.documentElement.dataset.ready === 'yes'")

    def resize(self, width, height):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.cdp("Emulation.setDeviceMetricsOverride", **size)

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until(self, script, *arguments, seconds=20):
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(self.driver, seconds, poll_frequency=0.05)
        return wait.until(lambda driver: driver.execute_script(script, *arguments))

    def press(self, *keys):
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def draw_all(self):
        """Makes the window so tall that every figure comes into view, and waits for the last."""
        width = self.js("return innerWidth")
        self.resize(width, TALL)
        self.until(
            "return [...document.querySelectorAll('figure[data-figure]')]"
            ".every(f => { if (!f.dataset.drawn) f.scrollIntoView(); return f.dataset.drawn })"
        )

    def logs(self):
        """(requests made, console messages and uncaught errors) since the last call."""
        requests = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                requests.append(message["params"]["request"]["url"])
        return requests, [entry["message"] for entry in self.driver.get_log("browser")]

    def picture(self, path: Path, *, height=900):
        """What is seen, as PNG."""
        clip = {"x": 0, "y": 0, "width": self.js("return innerWidth"), "height": height, "scale": 1}
        found = self.cdp("Page.captureScreenshot", format="png", clip=clip)
        path.write_bytes(base64.b64decode(found["data"]))

    def close(self):
        self.driver.quit()
