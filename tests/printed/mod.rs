//! Reads the QR codes back from a PDF of ours, out of the strokes on its pages: what a scanner would see on the paper.
#![allow(dead_code, reason = "each test uses the part it needs")]

use rxing::{BarcodeFormat, helpers::detect_in_luma};

/// A code on a page: what it says, the side of one module in millimetres, and its place from the page's left in millimetres.
#[derive(Debug)]
pub struct Printed {
    pub text: String,
    pub module: f32,
    pub left: f32,
}

/// How many pages a PDF has.
pub fn pages(pdf: &[u8]) -> usize {
    let count = |name: &[u8]| pdf.windows(name.len()).filter(|bytes| *bytes == name).count();
    count(b"/Type/Page") - count(b"/Type/Pages")
}

/// The pages' sizes in millimetres, each once a page.
pub fn sizes(pdf: &[u8]) -> Vec<(f32, f32)> {
    let text = String::from_utf8_lossy(pdf);
    let boxes = text.split("/MediaBox[").skip(1).filter_map(|rest| rest.split(']').next());
    let numbers = |text: &str| text.split(' ').filter_map(|n| n.parse::<f32>().ok()).map(|points| points * 25.4 / 72.0).collect::<Vec<_>>();
    boxes.map(numbers).filter_map(|n| Some((*n.get(2)?, *n.get(3)?))).collect()
}

/// Every QR code of a PDF, in the order of its streams.
pub fn codes(pdf: &[u8]) -> Vec<Printed> {
    contents(pdf).iter().flat_map(|content| of_content(content)).collect()
}

fn contents(pdf: &[u8]) -> Vec<String> {
    let mut contents = Vec::new();
    let mut at = 0;
    while let Some(begin) = find(&pdf[at..], b"\nstream\n").map(|place| at + place + 8) {
        if let Ok(content) = miniz_oxide::inflate::decompress_to_vec_zlib(pdf.get(begin..).unwrap_or_default()) {
            contents.push(String::from_utf8_lossy(&content).into_owned());
        }
        at = begin;
    }
    contents
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The codes of a page: each is one path of unit squares under a matrix that sets the size of a module.
fn of_content(content: &str) -> Vec<Printed> {
    let mut codes = Vec::new();
    for part in content.split("q ").skip(1) {
        let Some((matrix, drawn)) = part.split_once(" cm") else { continue };
        let matrix: Vec<f32> = matrix.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [scale, _, _, _, left, _] = matrix[..] else { continue };
        let path = drawn.split('\n').skip_while(|line| !line.contains(" m ")).collect::<Vec<_>>().join(" ");
        let path = path.split("scn").last().unwrap_or_default();
        let squares: Vec<Vec<usize>> = path.split('h').map(|square| square.split_whitespace().filter_map(|n| n.parse().ok()).collect()).collect();
        let squares: Vec<&[usize]> = squares.iter().filter(|square| square.len() == 8).map(Vec::as_slice).collect();
        if squares.len() > 20 {
            codes.push(Printed { text: read(&squares), module: scale * 25.4 / 72.0, left: left * 25.4 / 72.0 });
        }
    }
    codes
}

fn read(squares: &[&[usize]]) -> String {
    const PIXELS: usize = 4;
    const QUIET: usize = 4;
    let width = squares.iter().map(|square| square[2]).max().unwrap_or(0);
    let side = (width + 2 * QUIET) * PIXELS;
    let mut luma = vec![255u8; side * side];
    for square in squares {
        let (x, y, length) = (square[0] + QUIET, square[1] + QUIET, square[2] - square[0]);
        for row in y * PIXELS..(y + 1) * PIXELS {
            luma[row * side + x * PIXELS..row * side + (x + length) * PIXELS].fill(0);
        }
    }
    let side = u32::try_from(side).expect("a small picture");
    detect_in_luma(luma, side, side, Some(BarcodeFormat::QR_CODE)).expect("a readable code").getText().to_owned()
}
