// Passkeys: asks the server for a challenge, the device for an answer, and sends it back.
const trouble = document.getElementById("passkey-trouble");
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const words = {
  NotAllowedError: "Der Vorgang wurde abgebrochen oder hat zu lange gedauert. Bitte noch einmal versuchen.",
  InvalidStateError: "Auf diesem Gerät ist schon ein Passkey für dieses Konto eingerichtet.",
  SecurityError: "Passkeys gehen nur unter einem Namen und verschlüsselt, auf diesem Rechner unter http://localhost statt 127.0.0.1.",
};

function say(sentence) {
  trouble.textContent = sentence;
  trouble.hidden = false;
}

async function send(place, content) {
  const answer = await fetch(place, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content) });
  if (answer.redirected) return location.assign(answer.url);
  const told = await answer.json();
  if (told.trouble) throw new Error(told.trouble);
  return told;
}

async function guarded(button, work) {
  trouble.hidden = true;
  button.disabled = true;
  try {
    await work();
  } catch (why) {
    say(words[why.name] ?? (why.name === "Error" ? why.message : "Das hat nicht geklappt. Bitte noch einmal versuchen."));
  } finally {
    button.disabled = false;
  }
}

async function register(label, password) {
  const options = (await send("/account/passkeys/begin", { password })).publicKey;
  options.challenge = bytes(options.challenge);
  options.user.id = bytes(options.user.id);
  for (const known of options.excludeCredentials ?? []) known.id = bytes(known.id);
  const made = await navigator.credentials.create({ publicKey: options });
  const response = { attestationObject: text(made.response.attestationObject), clientDataJSON: text(made.response.clientDataJSON) };
  response.transports = made.response.getTransports?.() ?? [];
  const credential = { id: made.id, rawId: text(made.rawId), type: made.type, response, extensions: made.getClientExtensionResults() };
  location.assign((await send("/account/passkeys", { label, credential })).go);
}

async function signIn() {
  const { ticket, options } = await send("/login/passkey/begin", {});
  const asked = options.publicKey;
  asked.challenge = bytes(asked.challenge);
  for (const known of asked.allowCredentials ?? []) known.id = bytes(known.id);
  const shown = await navigator.credentials.get({ publicKey: asked });
  const { authenticatorData, clientDataJSON, signature, userHandle } = shown.response;
  const response = { authenticatorData: text(authenticatorData), clientDataJSON: text(clientDataJSON), signature: text(signature) };
  if (userHandle) response.userHandle = text(userHandle);
  const credential = { id: shown.id, rawId: text(shown.rawId), type: shown.type, response, extensions: shown.getClientExtensionResults() };
  location.assign((await send("/login/passkey", { ticket, credential })).go);
}

if (window.PublicKeyCredential) {
  for (const part of document.querySelectorAll("[data-passkey]")) part.hidden = false;
  const form = document.getElementById("passkey-form");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(form.querySelector("button"), () => register(form.elements.label.value, form.elements.password.value));
  });
  const button = document.getElementById("passkey-sign-in");
  button?.addEventListener("click", () => guarded(button, signIn));
}
