// Keeps the page on the phone, so that the code is there without a network. What the office answers about a child is never kept here.

const KEPT = "handy-1";
const FILES = [
  "/handy/", "holder.css", "app.js", "texts.js", "keys.js", "code.js", "store.js", "icon.svg", "icon.png", "manifest.webmanifest", "vendor/uqr.js",
  "vendor/noble-ed25519.js",
].map((name) => new URL(name, self.location).href);

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(FILES.map((file) => new Request(file, { cache: "reload" })))).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const others = caches.keys().then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name))));
  event.waitUntil(others.then(() => self.clients.claim()));
});

// What is kept answers at once, and is looked after in the background: at the counter nobody waits for a network.
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  address.hash = address.search = "";
  if (event.request.method !== "GET" || !FILES.includes(address.href)) return;
  const kept = caches.open(KEPT);
  const fresh = fetch(address.href, { cache: "no-cache" }).then(async (answer) => {
    if (answer.ok && !answer.redirected) await (await kept).put(address.href, answer.clone());
    return answer;
  });
  event.waitUntil(fresh.catch(() => {}));
  event.respondWith(kept.then((store) => store.match(address.href)).then((found) => found ?? fresh));
});
