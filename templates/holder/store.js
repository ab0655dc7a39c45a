// The children on this phone: {id, key, token…, told, at}. Keys lie here as what the browser hands out: usable, not readable.

const opened = () =>
  new Promise((done, failed) => {
    const asked = indexedDB.open("handy", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("children", { keyPath: "id", autoIncrement: true });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });

async function within(mode, work) {
  const db = await opened();
  try {
    return await new Promise((done, failed) => {
      const scope = db.transaction("children", mode, mode === "readwrite" ? { durability: "strict" } : undefined);
      const asked = work(scope.objectStore("children"));
      scope.oncomplete = () => done(asked.result);
      scope.onabort = scope.onerror = () => failed(scope.error ?? asked.error);
    });
  } finally {
    db.close();
  }
}

export const all = () => within("readonly", (children) => children.getAll());
export const keep = (child) => within("readwrite", (children) => children.put(child));
export const forget = (id) => within("readwrite", (children) => children.delete(id));
