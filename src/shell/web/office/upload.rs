//! A file from a form: `multipart/form-data` (RFC 7578). Most of our forms send one file and nothing else; others have fields beside it.

/// The most parts of a form that are read.
const MAX_PARTS: usize = 20;

/// The boundary between the parts of a form.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?.trim_matches('"');
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// The parts of a form by name, in their order; none when the body is no such form.
pub fn parts<'b>(content_type: &str, body: &'b [u8]) -> Option<Vec<(String, &'b [u8])>> {
    let boundary = boundary(content_type)?;
    let mut rest = body.strip_prefix(format!("--{boundary}\r\n").as_bytes())?;
    let mark = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    while parts.len() < MAX_PARTS {
        let head = find(rest, b"\r\n\r\n")?;
        let name = std::str::from_utf8(rest.get(..head)?).ok()?.split("name=\"").nth(1)?.split('"').next()?.to_owned();
        let content = rest.get(head + 4..)?;
        let end = find(content, mark.as_bytes())?;
        parts.push((name, content.get(..end)?));
        match content.get(end + mark.len()..)?.strip_prefix(b"\r\n") {
            Some(next) => rest = next,
            None => return Some(parts),
        }
    }
    None
}

/// The bytes of the first part of a form with this `Content-Type`; none when the body is no such form.
pub fn uploaded<'b>(content_type: &str, body: &'b [u8]) -> Option<&'b [u8]> {
    let boundary = boundary(content_type)?;
    let after = body.strip_prefix(format!("--{boundary}\r\n").as_bytes())?;
    let content = &after[find(after, b"\r\n\r\n")? + 4..];
    let end = find(content, format!("\r\n--{boundary}").as_bytes())?;
    content.get(..end)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_beside_the_file_are_found_by_name() {
        let kind = "multipart/form-data; boundary=x";
        let form = b"--x\r\nContent-Disposition: form-data; name=\"day\"\r\n\r\n2026-11-25\r\n--x\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"name=.csv\"\r\nContent-Type: text/csv\r\n\r\n\r\n--x--\r\n";
        let found: Vec<(String, &[u8])> = vec![("day".into(), b"2026-11-25"), ("file".into(), b"")];
        assert_eq!(parts(kind, form), Some(found));
        for cut in 0..form.len() - 4 {
            let _ = parts(kind, &form[..cut]);
        }
        assert_eq!(parts(kind, b""), None);
        assert_eq!(parts("text/plain", form), None);
    }

    #[test]
    fn the_file_of_a_form_is_found_and_nothing_else_is_taken_for_one() {
        let kind = "multipart/form-data; boundary=----x";
        let form = b"------x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nab\r\n\x00c\r\n------x--\r\n";
        assert_eq!(uploaded(kind, form), Some(b"ab\r\n\x00c".as_slice()));
        assert_eq!(uploaded("multipart/form-data; boundary=\"----x\"", form), Some(b"ab\r\n\x00c".as_slice()));
        for (kind, body) in [
            ("", form.as_slice()),
            ("text/plain; boundary=----x", form),
            ("multipart/form-data", form),
            ("multipart/form-data; boundary=", form),
            ("multipart/form-data; boundary=y", form),
            (kind, &form[..20]),
            (kind, &form[..form.len() - 12]),
            (kind, b""),
        ] {
            assert_eq!(uploaded(kind, body), None, "{kind}");
        }
    }
}
