"""Keyboard layouts as xkb-data has them, asked through libxkbcommon; nothing is typed in by hand."""
import ctypes

xkb = ctypes.CDLL("libxkbcommon.so.0")
xkb.xkb_context_new.restype = ctypes.c_void_p
xkb.xkb_keymap_new_from_names.restype = ctypes.c_void_p
xkb.xkb_keymap_new_from_names.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
xkb.xkb_keymap_key_get_syms_by_level.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p]
xkb.xkb_keysym_to_utf32.restype = ctypes.c_uint32
xkb.xkb_keysym_to_utf32.argtypes = [ctypes.c_uint32]

# Linux key numbers of the main block, by the names browsers give the keys.
ROWS = [(2, [f"Digit{d}" for d in "1234567890"] + ["Minus", "Equal"]),
        (16, [f"Key{k}" for k in "QWERTYUIOP"] + ["BracketLeft", "BracketRight"]),
        (30, [f"Key{k}" for k in "ASDFGHJKL"] + ["Semicolon", "Quote"]),
        (43, ["Backslash"] + [f"Key{k}" for k in "ZXCVBNM"] + ["Comma", "Period", "Slash"]),
        (57, ["Space"]), (86, ["IntlBackslash"])]
KEYS = {name: first + place for first, names in ROWS for place, name in enumerate(names)}


class Names(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("rules", "model", "layout", "variant", "options")]


def layout(name):
    """{(key, level): character} for levels 0 plain, 1 Shift, 2 AltGr."""
    names = Names(b"evdev", b"pc105", name.encode(), b"", b"")
    keymap = xkb.xkb_keymap_new_from_names(xkb.xkb_context_new(0), ctypes.byref(names), 0)
    chars = {}
    for key, number in KEYS.items():
        for level in range(3):
            syms = ctypes.POINTER(ctypes.c_uint32)()
            if xkb.xkb_keymap_key_get_syms_by_level(keymap, number + 8, 0, level, ctypes.byref(syms)) == 1:
                point = xkb.xkb_keysym_to_utf32(syms[0])
                chars[key, level] = chr(point) if point >= 32 else "Dead"
    return chars


LAYOUTS = {name: layout(name) for name in ("us", "de", "fr", "ch", "tr", "it", "es", "be", "cz", "gb", "pl")}

