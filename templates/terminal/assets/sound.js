// Soft tones and a short vibration: the same for every child that is accepted, none of them an alarm.

const TONES = {
  yes: [[660, 0, 0.09], [880, 0.08, 0.16]],
  again: [[660, 0, 0.12]],
  run: [[660, 0, 0.09], [740, 0.08, 0.16]],
  held: [[520, 0, 0.12], [520, 0.16, 0.12]],
  no: [[392, 0, 0.16], [330, 0.15, 0.22]],
  paper: [[330, 0, 0.18], [330, 0.24, 0.18], [330, 0.48, 0.18]],
};
const SHAKES = { yes: [40], again: [40], run: [40], held: [40, 60, 40], no: [120, 60, 120], paper: [200, 80, 200, 80, 200] };
const LOUDNESS = 0.18;
const USUAL = 70; // of the settings' scale from 10 to 100

let context;
let on = localStorage.getItem("sound") !== "off";

export const soundOn = () => on;

export function setSound(wanted) {
  on = wanted;
  localStorage.setItem("sound", on ? "on" : "off");
}

// As loud as this browser's settings say.
const loudness = () => (LOUDNESS * (Number(localStorage.getItem("volume")) || USUAL)) / USUAL;

function tone([hertz, after, seconds]) {
  const [oscillator, gain, start] = [context.createOscillator(), context.createGain(), context.currentTime + after];
  oscillator.type = "sine";
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(loudness(), start + 0.015);
  gain.gain.exponentialRampToValueAtTime(0.0001, start + seconds);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + seconds + 0.02);
}

export function signal(kind) {
  if (SHAKES[kind]) navigator.vibrate?.(SHAKES[kind]);
  if (!on || !TONES[kind] || !window.AudioContext) return;
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  TONES[kind].forEach(tone);
}
