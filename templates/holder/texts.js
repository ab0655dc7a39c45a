// What the page says, in German and English.

const TEXTS = {
  de: {
    title: "Mein Code", other: "English", children: "Kinder", again: "Neuen Code zeigen", code: "Code zum Einlesen; er wechselt von selbst",
    bright: "Bildschirm hell stellen und ruhig vor das Lesegerät halten. Der Code wechselt von selbst; antippen zeigt sofort einen neuen.",
    valid: "Gilt vom {from} bis {to}.", left: "Was noch übrig ist (höchstens)", as_of: "Stand: {time}. Ohne Internet bleibt der letzte Stand stehen.",
    nothing_left_known: "Wie viel übrig ist, zeigt die Seite, sobald das Handy Internet hat.",
    this_phone: "Handy verloren, verkauft oder ersetzt?",
    lost: "Bitte beim Amt anrufen: Es sperrt dieses Handy und lädt ein neues ein. Die Karte aus Papier bleibt davon unberührt.",
    forget: "Von diesem Handy entfernen", keep: "Behalten", sure: "Der Code verschwindet von diesem Handy. Für einen neuen braucht es eine neue Einladung vom Amt.",
    another: "Weiteres Kind einrichten", join: "Handy einrichten",
    join_text: "Das Amt hat Ihnen eine Einladung mit einem Code gegeben. Danach zeigt dieses Handy einen Code, der statt der Karte gilt, auch ohne Internet.",
    invitation: "Code der Einladung", invitation_help: "16 Zeichen in vier Gruppen. Wer den QR-Code der Einladung öffnet, findet ihn hier schon eingetragen.",
    set_up: "Handy einrichten",
    privacy: "Auf dem Handy gespeichert werden nur der Schlüssel und die Berechtigung. Diese Seite verfolgt niemanden und lädt nichts von anderen.",
    iphone: "iPhone oder iPad: Bitte zuerst auf „Teilen“ tippen und „Zum Home-Bildschirm“ wählen, die Seite von dort öffnen und dort den Code eintippen{code}. Sonst löscht das iPhone den Code nach einigen Tagen.",
    child: "Kind {number}", added: "Fertig: Dieses Handy zeigt jetzt den Code.", forgotten: "Von diesem Handy entfernt.",
    state_removed: "Dieses Handy ist beim Amt gesperrt. Es zeigt keinen Code mehr. Für eine neue Einladung bitte das Amt fragen.",
    state_stopped: "Diese Berechtigung ist gesperrt. Bitte beim Amt fragen; vielleicht gibt es schon eine neue Karte.",
    state_suspended: "Diese Berechtigung ruht zurzeit. Bitte beim Amt fragen, ab wann sie wieder gilt.",
    state_expired: "Diese Berechtigung ist am {to} abgelaufen. Nach einer neuen Bewilligung erscheint der Code hier von selbst, sobald das Handy Internet hat.",
    state_early: "Diese Berechtigung gilt erst ab dem {from}. Dann erscheint hier der Code.",
    state_none: "Zurzeit ist nichts bewilligt. Bitte beim Amt fragen.",
    clock: "Die Uhr dieses Handys geht {by} falsch, deshalb kann das Lesegerät den Code ablehnen. Bitte in den Einstellungen „Datum und Uhrzeit automatisch“ einschalten.",
    invitation_trouble: "Diese Einladung kennt das Amt nicht, oder sie wurde schon benutzt, oder sie ist abgelaufen. Bitte den Code vergleichen oder eine neue Einladung holen.",
    too_many_trouble: "Für dieses Kind sind schon so viele Handys eingerichtet, wie es gibt. Bitte das Amt eines sperren lassen.",
    nothing_granted_trouble: "Zurzeit ist nichts bewilligt. Bitte beim Amt fragen.",
    clock_trouble: "Die Uhr dieses Handys geht falsch. Bitte in den Einstellungen „Datum und Uhrzeit automatisch“ einschalten.",
    too_often_trouble: "Von hier wurde sehr oft gefragt. Bitte ein paar Minuten warten und es noch einmal versuchen.",
    offline_trouble: "Das Amt ist gerade nicht zu erreichen. Zum Einrichten braucht das Handy einmal Internet; bitte später noch einmal versuchen. Die Einladung ist noch nicht verbraucht.",
    code_trouble: "Der Code einer Einladung hat 16 Buchstaben und Ziffern. Bitte noch einmal abschreiben.",
    secure_trouble: "Auf dieser Adresse kann der Browser keinen Schlüssel anlegen: Sie muss mit https:// beginnen. Bitte das Amt fragen.",
    store_trouble: "Dieser Browser speichert nichts, zum Beispiel in einem privaten Fenster. Bitte die Seite in einem gewöhnlichen Fenster öffnen.",
    unknown_trouble: "Das Amt kennt dieses Handy nicht mehr. Bitte eine neue Einladung holen.",
    other_trouble: "Das hat nicht geklappt. Bitte die Seite neu laden und es noch einmal versuchen.",
    minutes: "um {number} min", seconds: "um {number} s",
    lunch: "Mittagessen", participation: "Mitmachen (Verein, Musik, Freizeit)", tutoring: "Lernförderung", day_trip: "Ausflug", class_trip: "Klassenfahrt",
    day: "heute {left}", week: "diese Woche {left}", month: "diesen Monat {left}", validity: "insgesamt {left}", accrued: "bis jetzt {left}", minutes_left: "{number} Minuten",
  },
  en: {
    title: "My code", other: "Deutsch", children: "Children", again: "Show a new code", code: "Code to be scanned; it changes by itself",
    bright: "Turn the screen up bright and hold it still in front of the reader. The code changes by itself; a tap shows a new one at once.",
    valid: "Valid from {from} to {to}.", left: "What is left (at most)", as_of: "As of {time}. Without internet the last state stays.",
    nothing_left_known: "The page shows how much is left as soon as the phone has internet.",
    this_phone: "Phone lost, sold or replaced?",
    lost: "Please call the office: it blocks this phone and invites a new one. The paper card is not affected.",
    forget: "Remove from this phone", keep: "Keep", sure: "The code disappears from this phone. For a new one you need a new invitation from the office.",
    another: "Set up another child", join: "Set up this phone",
    join_text: "The office has given you an invitation with a code. Afterwards this phone shows a code that counts instead of the card, without internet too.",
    invitation: "Code of the invitation", invitation_help: "16 characters in four groups. Whoever opens the invitation's QR code finds it filled in here.",
    set_up: "Set up this phone",
    privacy: "Only the key and the entitlement are stored on the phone. This page follows nobody and loads nothing from others.",
    iphone: "iPhone or iPad: please tap “Share” first and choose “Add to Home Screen”, open the page from there and type the code there{code}. Otherwise the iPhone deletes the code after some days.",
    child: "Child {number}", added: "Done: this phone now shows the code.", forgotten: "Removed from this phone.",
    state_removed: "The office has blocked this phone. It shows no code any more. Please ask the office for a new invitation.",
    state_stopped: "This entitlement is blocked. Please ask the office; perhaps there is a new card already.",
    state_suspended: "This entitlement is suspended at the moment. Please ask the office from when on it counts again.",
    state_expired: "This entitlement ended on {to}. After a new approval the code appears here by itself as soon as the phone has internet.",
    state_early: "This entitlement begins on {from}. Then the code appears here.",
    state_none: "Nothing is granted at the moment. Please ask the office.",
    clock: "This phone's clock is {by} wrong, so the reader may refuse the code. Please turn on “Set time automatically” in the settings.",
    invitation_trouble: "The office does not know this invitation, or it was used already, or it has run out. Please compare the code or get a new invitation.",
    too_many_trouble: "There are as many phones for this child as there may be. Please have the office block one.",
    nothing_granted_trouble: "Nothing is granted at the moment. Please ask the office.",
    clock_trouble: "This phone's clock is wrong. Please turn on “Set time automatically” in the settings.",
    too_often_trouble: "There were very many requests from here. Please wait a few minutes and try again.",
    offline_trouble: "The office cannot be reached right now. The phone needs internet once to be set up; please try again later. The invitation is not used up.",
    code_trouble: "The code of an invitation has 16 letters and digits. Please copy it again.",
    secure_trouble: "The browser cannot make a key at this address: it must begin with https://. Please ask the office.",
    store_trouble: "This browser stores nothing, for example in a private window. Please open the page in an ordinary window.",
    unknown_trouble: "The office does not know this phone any more. Please get a new invitation.",
    other_trouble: "That did not work. Please load the page again and try once more.",
    minutes: "{number} min", seconds: "{number} s",
    lunch: "Lunch", participation: "Taking part (club, music, leisure)", tutoring: "Tutoring", day_trip: "Day trip", class_trip: "Class trip",
    day: "{left} today", week: "{left} this week", month: "{left} this month", validity: "{left} in all", accrued: "{left} so far", minutes_left: "{number} minutes",
  },
};

function chosen() {
  try {
    const kept = localStorage.getItem("language");
    if (kept in TEXTS) return kept;
  } catch {
    // A store that is forbidden: the browser's language has to do.
  }
  return navigator.language?.toLowerCase().startsWith("de") ? "de" : "en";
}

export let lang = chosen();

export function change() {
  lang = lang === "de" ? "en" : "de";
  try {
    localStorage.setItem("language", lang);
  } catch {
    // Until the page is loaded again, then.
  }
}

export function t(key, blanks = {}) {
  return (TEXTS[lang][key] ?? TEXTS[lang].other_trouble).replace(/\{(\w+)\}/g, (_, name) => blanks[name] ?? "");
}

export const has = (key) => key in TEXTS[lang];

const locale = () => (lang === "de" ? "de-DE" : "en-GB");
export const day = (iso) => new Date(`${iso}T12:00:00Z`).toLocaleDateString(locale(), { timeZone: "Europe/Berlin" });
export const moment = (ms) => new Date(ms).toLocaleString(locale(), { timeZone: "Europe/Berlin", dateStyle: "short", timeStyle: "short" });
export const euros = (cents) => (cents / 100).toLocaleString(locale(), { style: "currency", currency: "EUR" });
