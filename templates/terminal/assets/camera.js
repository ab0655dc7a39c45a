// Codes by camera: a small dialog with the live picture, beside the verdict, never over it. What is visible in it is what is read.

import { read } from "./camera-reader.js";
import { t } from "./texts.js";

export { codesInFile } from "./camera-file.js";

const REST_MS = 3000; // the same code counts again when it was out of sight this long
const PACE_MS = 50; // at most twenty looks a second: a tablet has other work to do
const NO_PICTURE_MS = 5000;
const REMEMBERED = "camera";

let shown = null; // the open dialog

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function style() {
  const href = new URL("camera.css", import.meta.url).href;
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return Promise.resolve();
  return new Promise((done) => {
    const link = make("link", { rel: "stylesheet", href });
    link.addEventListener("load", done);
    link.addEventListener("error", done);
    document.head.append(link);
  });
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

function remember(id) {
  try {
    localStorage.setItem(REMEMBERED, id);
  } catch {
    // A browser that keeps nothing asks for the back camera next time.
  }
}

// Why there is no picture, as a sentence that says what to do.
function why(error) {
  if (!isSecureContext) return t("camera.insecure");
  if (!navigator.mediaDevices?.getUserMedia) return t("camera.unsupported");
  const known = {
    NotAllowedError: t("camera.denied"),
    SecurityError: t("camera.denied"),
    NotFoundError: t("camera.none"),
    OverconstrainedError: t("camera.none"),
    NotReadableError: t("camera.busy"),
    AbortError: t("camera.busy"),
  };
  return known[error?.name] ?? t("camera.failed");
}

// The remembered camera, or the one at the back, or any.
async function stream(id) {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  if (id) {
    try {
      return await navigator.mediaDevices.getUserMedia({ video: { ...size, deviceId: { exact: id } } });
    } catch (error) {
      if (error.name !== "OverconstrainedError" && error.name !== "NotFoundError") throw error;
    }
  }
  return navigator.mediaDevices.getUserMedia({ video: { ...size, facingMode: { ideal: "environment" } } });
}

// The part of the video that can be seen in its box, in the video's own pixels: left, top, width, height.
function visible(video) {
  const { videoWidth: width, videoHeight: height } = video;
  const ratio = video.clientWidth / video.clientHeight || width / height;
  const [w, h] = width / height > ratio ? [height * ratio, height] : [width, width / ratio];
  return [(width - w) / 2, (height - h) / 2, w, h].map(Math.round);
}

// The next new frame; false where none comes.
function nextFrame(video) {
  return new Promise((done) => {
    const late = setTimeout(() => done(false), NO_PICTURE_MS);
    const come = () => {
      clearTimeout(late);
      done(true);
    };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(come);
    else setTimeout(() => requestAnimationFrame(come), PACE_MS);
  });
}

class CameraDialog {
  constructor(onCode) {
    this.onCode = onCode;
    this.seen = new Map(); // text → when it was last in sight
    this.looks = 0;
    this.before = document.activeElement;
    this.build();
    this.closed = new Promise((done) => this.dialog.addEventListener("close", done, { once: true }));
    this.hidden = () => (document.hidden ? this.release() : this.start());
    this.leave = () => this.close();
    // A camera that was plugged in again needs no finger.
    this.changed = () => this.dialog.className === "problem" && this.start();
  }

  build() {
    const button = (className, text, work) => {
      const made = make("button", { type: "button", className, textContent: text });
      made.addEventListener("click", work);
      return made;
    };
    this.video = make("video", { playsInline: true, muted: true, autoplay: true });
    this.video.setAttribute("aria-hidden", "true");
    this.torch = button("plain torch", t("camera.light"), () => this.light(this.torch.getAttribute("aria-pressed") !== "true"));
    this.other = button("plain other", t("camera.other"), () => this.turn());
    this.again = button("again", t("camera.again"), () => this.start());
    this.end = button("plain end", t("camera.close"), () => this.close());
    for (const hidden of [this.torch, this.other, this.again]) hidden.hidden = true;
    this.state = make("p", { className: "state" });
    this.state.setAttribute("role", "status");
    this.picture = make("div", { className: "picture" }, this.video, make("span", { className: "aim" }));
    const title = make("h2", { id: "camera-title", textContent: t("camera.title") });
    this.dialog = make("dialog", { id: "camera-dialog" }, make("div", { className: "top" }, title, this.end), this.picture, this.state,
      make("p", { className: "tools" }, this.torch, this.other, this.again));
    this.dialog.setAttribute("aria-labelledby", "camera-title");
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      this.close();
    });
  }

  // Beside the page, so that it stays usable; above another dialog where one is open.
  open() {
    document.body.append(this.dialog);
    if (document.querySelector("dialog:modal")) this.dialog.showModal();
    else this.dialog.show();
    document.body.classList.add("with-camera");
    document.querySelector("#verdict")?.scrollIntoView({ block: "start" }); // what is answered stays in sight
    this.end.focus();
    document.addEventListener("visibilitychange", this.hidden);
    addEventListener("pagehide", this.leave);
    navigator.mediaDevices?.addEventListener("devicechange", this.changed);
    this.start();
  }

  close() {
    this.release();
    document.removeEventListener("visibilitychange", this.hidden);
    removeEventListener("pagehide", this.leave);
    navigator.mediaDevices?.removeEventListener("devicechange", this.changed);
    document.body.classList.remove("with-camera");
    const focused = this.dialog.contains(document.activeElement);
    this.dialog.close();
    this.dialog.remove();
    if (focused && this.before?.isConnected) this.before.focus();
    shown = null;
  }

  // The camera is free for others after this.
  release() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  say(text, kind = "") {
    if (this.state.textContent !== text) this.state.textContent = text;
    this.dialog.className = kind;
    this.again.hidden = kind !== "problem";
    if (kind === "problem") this.torch.hidden = true;
  }

  // Says something about what is in sight, for a moment.
  tell(text, kind) {
    this.say(text, kind);
    clearTimeout(this.fading);
    this.fading = setTimeout(() => this.stream && this.say(t("camera.aim")), 1500);
  }

  // Opens the camera with this id, or the remembered one. What fails is said, and can be tried again.
  async start(id = remembered()) {
    this.release();
    this.say(t("camera.starting"));
    const attempt = (this.attempt = Symbol("attempt"));
    const overtaken = () => shown !== this || this.attempt !== attempt || document.hidden;
    try {
      if (!isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new Error("no camera interface");
      const begun = await stream(id);
      if (overtaken()) return begun.getTracks().forEach((track) => track.stop());
      this.stream = begun;
      this.video.srcObject = begun;
      await this.video.play();
      await this.know(begun.getVideoTracks()[0]);
      this.say(t("camera.aim"));
      await this.watch(begun);
    } catch (error) {
      if (overtaken()) return;
      this.release();
      this.say(error.sentence ?? why(error), "problem");
    }
  }

  // What this camera can do, and what is to be done when it goes.
  async know(track) {
    track.addEventListener("ended", () => {
      if (this.stream?.getVideoTracks()[0] !== track) return;
      this.release();
      this.say(t("camera.unplugged"), "problem");
    });
    const { facingMode, deviceId } = track.getSettings();
    this.device = deviceId;
    this.video.classList.toggle("mirror", facingMode === "user");
    this.torch.hidden = !track.getCapabilities?.().torch;
    this.torch.setAttribute("aria-pressed", "false");
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.cameras = devices.filter(({ kind }) => kind === "videoinput");
    this.other.hidden = this.cameras.length < 2;
  }

  async light(on) {
    try {
      await this.stream?.getVideoTracks()[0]?.applyConstraints({ advanced: [{ torch: on }] });
      this.torch.setAttribute("aria-pressed", String(on));
    } catch {
      this.torch.hidden = true;
    }
  }

  // The next camera, remembered for the next time.
  turn() {
    const at = this.cameras.findIndex(({ deviceId }) => deviceId === this.device);
    const next = this.cameras[(at + 1) % this.cameras.length].deviceId;
    remember(next);
    this.start(next);
  }

  // Whether somebody is asked something above us, as for a PIN.
  covered() {
    return [...document.querySelectorAll("dialog:modal")].some((dialog) => dialog !== this.dialog);
  }

  async watch(begun) {
    while (this.stream === begun) {
      const began = performance.now();
      if (!(await nextFrame(this.video))) {
        if (this.stream !== begun) return;
        throw Object.assign(new Error("no frame"), { sentence: t("camera.no_picture") });
      }
      if (this.stream !== begun) return;
      if (!this.covered()) await this.look();
      const left = PACE_MS - (performance.now() - began);
      if (left > 0) await new Promise((wake) => setTimeout(wake, left));
    }
  }

  // Looks at one frame; every second one that shows nothing is looked at more closely.
  async look() {
    const [left, top, width, height] = visible(this.video);
    if (width < 1 || height < 1) return;
    const frame = await createImageBitmap(this.video, left, top, width, height);
    this.looks += 1;
    const { codes } = await read(frame, this.looks % 2 ? "frame" : "frame_again").catch((error) => {
      throw Object.assign(error, { sentence: t("camera.no_reader") });
    });
    if (!this.stream || this.covered()) return;
    const texts = [...new Set(codes.map(({ text }) => text))];
    if (texts.length > 1) this.tell(t("camera.two"), "two");
    if (texts.length === 1) this.take(texts[0]);
  }

  // A code is told once while it is in sight.
  take(text) {
    const now = performance.now();
    const last = this.seen.get(text) ?? -Infinity;
    for (const [old, at] of this.seen) if (now - at > REST_MS) this.seen.delete(old);
    this.seen.set(text, now);
    if (now - last < REST_MS) return;
    this.tell(t("camera.read"), "read");
    this.onCode(text, () => this.close());
  }
}

// Opens the camera beside the page and tells `onCode(text, close)` each code it reads: the same one not again while it is in sight
// nor within three seconds after, none while two are in sight. Resolves when it was closed. A second call finds it open.
export async function openCamera(onCode) {
  if (shown) {
    shown.onCode = onCode;
    shown.end.focus();
    return shown.closed;
  }
  const dialog = new CameraDialog(onCode);
  shown = dialog;
  await style();
  dialog.open();
  return dialog.closed;
}
