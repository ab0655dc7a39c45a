// The phone's key: made here, never readable, not even by this page. Browsers that know no Ed25519 keep the seed sealed under a key that is.

const ED25519 = { name: "Ed25519" };
const noble = () => import("./vendor/noble-ed25519.js");

export const canHold = () => globalThis.crypto?.subtle !== undefined && globalThis.indexedDB !== undefined;

// A new key pair: {public: 32 bytes, …what `sign` needs}.
export async function makeKey() {
  try {
    const pair = await crypto.subtle.generateKey(ED25519, false, ["sign", "verify"]);
    return { kind: "native", secret: pair.privateKey, public: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
  } catch {
    return sealedKey();
  }
}

async function sealedKey() {
  const { getPublicKeyAsync } = await noble();
  const seed = crypto.getRandomValues(new Uint8Array(32));
  const seal = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, seal, seed));
  const made = { kind: "sealed", seal, iv, sealed, public: await getPublicKeyAsync(seed) };
  seed.fill(0);
  return made;
}

// The key's signature over a message, 64 bytes.
export async function sign(key, message) {
  if (key.kind === "native") return new Uint8Array(await crypto.subtle.sign(ED25519, key.secret, message));
  const { signAsync } = await noble();
  const seed = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: key.iv }, key.seal, key.sealed));
  try {
    return await signAsync(message, seed);
  } finally {
    seed.fill(0);
  }
}
