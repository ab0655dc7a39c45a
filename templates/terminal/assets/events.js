// News of the box: calls the handler with "recorded" or "status" when something happened, at this device or another one, and with
// "open" when the box can be reached (again).
// A hidden page lets go of its line, for a browser has only six to one box; when it is seen again it is told to look anew.

import { look } from "./box.js";

const AGAIN_MS = 5_000;

export function onNews(handler) {
  let line = null;
  let waiting = 0;

  function listen() {
    clearTimeout(waiting);
    if (line || document.hidden) return;
    line = new EventSource("/api/v1/events");
    line.addEventListener("open", () => handler("open"));
    line.addEventListener("recorded", () => handler("recorded"));
    line.addEventListener("status", () => handler("status"));
    line.addEventListener("error", () => {
      if (line?.readyState !== EventSource.CLOSED) return;
      // The box was restarted, or this device was removed: looking gets a new session where there is one to have.
      letGo();
      waiting = setTimeout(async () => {
        if (await look("/api/v1/session")) handler("status");
        listen();
      }, AGAIN_MS);
    });
  }

  function letGo() {
    line?.close();
    line = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return letGo();
    handler("recorded");
    listen();
  });
  addEventListener("pagehide", letGo);
  addEventListener("pageshow", listen);
  listen();
}
