//! Pictures with codes: films for Chromium's fake camera, and a scanned page as a PDF.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use teilhabe::shell::paper::qr::{QUIET_ZONE, Qr};

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
const TABLE: u8 = 110;
const PAPER: u8 = 225;
const INK: u8 = 35;

/// Light at each pixel of a picture with codes side by side on a table.
fn picture(width: usize, height: usize, codes: &[&str], module: usize) -> Vec<u8> {
    let mut light = vec![TABLE; width * height];
    let place = width / codes.len().max(1);
    for (at, text) in codes.iter().enumerate() {
        let code = Qr::new(text).expect("a code of ours");
        let side = (code.width() + 2 * QUIET_ZONE) * module;
        assert!(side <= place && side <= height, "{side} pixels do not fit: take smaller modules");
        let (left, top) = (at * place + (place - side) / 2, (height - side) / 2);
        for y in 0..side {
            for x in 0..side {
                // Outside the code nothing is dark, so that the quiet zone needs no case of its own.
                let dark = (x / module).checked_sub(QUIET_ZONE).zip((y / module).checked_sub(QUIET_ZONE)).is_some_and(|(x, y)| code.is_dark(x, y));
                light[(top + y) * width + left + x] = if dark { INK } else { PAPER };
            }
        }
    }
    light
}

/// Writes a film (YUV4MPEG2, ten pictures a second, shown again and again): each scene with its codes and its number of pictures.
pub fn film(path: &Path, scenes: &[(&[&str], usize)]) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    writeln!(file, "YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420").expect("written");
    let grey = vec![128u8; WIDTH * HEIGHT / 2];
    for (codes, pictures) in scenes {
        let light = picture(WIDTH, HEIGHT, codes, if codes.len() > 1 { 5 } else { 6 });
        for _ in 0..*pictures {
            file.write_all(b"FRAME\n").expect("written");
            file.write_all(&light).expect("written");
            file.write_all(&grey).expect("written");
        }
    }
    file.flush().expect("written");
}

/// The flags that make Chromium see the film instead of a camera, and let it.
pub fn flags(path: &Path) -> Vec<String> {
    let file = format!("--use-file-for-fake-video-capture={}", path.display());
    vec!["--use-fake-device-for-media-stream".into(), "--use-fake-ui-for-media-stream".into(), file]
}

/// A PDF as a scanner writes it: each page is one picture, with no text, turned as the paper lay.
pub fn scan(pages: &[&[&str]]) -> Vec<u8> {
    let (width, height) = (1240, 1754); // A4 at 150 dots an inch
    let kids: Vec<String> = (0..pages.len()).map(|at| format!("{} 0 R", 3 + 3 * at)).collect();
    let mut objects =
        vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), pages.len()).into_bytes()];
    for (at, codes) in pages.iter().enumerate() {
        let turned = 90 * (at % 4);
        let first = 3 + 3 * at;
        let resources = format!("<</XObject<</Scan {} 0 R>>>>", first + 2);
        objects.push(
            format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Rotate {turned}/Resources{resources}/Contents {} 0 R>>", first + 1).into_bytes(),
        );
        objects.push(stream("", b"595 0 0 842 0 0 cm /Scan Do"));
        let about = format!("/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceGray/BitsPerComponent 8");
        objects.push(stream(&about, &picture(width, height, codes, 4)));
    }
    let mut pdf = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.extend(format!("{} 0 obj\n", at + 1).bytes());
        pdf.extend(object);
        pdf.extend(b"\nendobj\n");
    }
    let table = pdf.len();
    pdf.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for place in places {
        pdf.extend(format!("{place:010} 00000 n \n").bytes());
    }
    pdf.extend(format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1).bytes());
    pdf
}

fn stream(about: &str, bytes: &[u8]) -> Vec<u8> {
    let mut object = format!("<<{about}/Length {}>>stream\n", bytes.len()).into_bytes();
    object.extend(bytes);
    object.extend(b"\nendstream");
    object
}
