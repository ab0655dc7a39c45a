//! A file from a form: `multipart/form-data` (RFC 7578), of which our forms send one file and nothing else.

/// The bytes of the first part of a form with this `Content-Type`; none when the body is no such form.
pub fn uploaded<'b>(content_type: &str, body: &'b [u8]) -> Option<&'b [u8]> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?.trim_matches('"');
    if boundary.is_empty() || boundary.len() > 70 {
        return None;
    }
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
