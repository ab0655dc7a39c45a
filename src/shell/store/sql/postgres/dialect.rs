//! One text for both stores: what PostgreSQL spells otherwise is spelled here. The rest of the text is common to both.
//!
//! | SQLite | PostgreSQL |
//! |---|---|
//! | `?1` | `$1` |
//! | `ON CONFLICT (a)` | `ON CONFLICT (tenant, a)`: every key is led by the tenant |
//! | `INDEXED BY name`, `NOT INDEXED` | nothing: hints are SQLite's |
//! | `a CROSS JOIN b ON …` (SQLite's order of joining) | `a JOIN b ON …` |
//!
//! Functions that PostgreSQL lacks are made there under SQLite's names (`office/postgres/0002/functions.sql`).

/// The text as PostgreSQL reads it.
pub(super) fn translate(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 32);
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (piece, taken) = piece(rest, first);
        out.push_str(&piece);
        rest = &rest[taken..];
    }
    out
}

/// The next piece as it is written, and how much of the text it was.
fn piece(rest: &str, first: char) -> (String, usize) {
    match first {
        '\'' => {
            let end = rest[1..].find('\'').map_or(rest.len(), |at| at + 2);
            (rest[..end].to_owned(), end)
        }
        '?' => ("$".to_owned(), 1),
        _ if first.is_ascii_alphabetic() => {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            word(rest, &rest[..end])
        }
        _ => (first.to_string(), first.len_utf8()),
    }
}

fn word(rest: &str, word: &str) -> (String, usize) {
    let all = words(rest);
    let starts = |wanted: &[&str]| wanted.iter().zip(&all).all(|(wanted, (found, _))| wanted == found) && all.len() >= wanted.len();
    let end_of = |count: usize| all.get(count.saturating_sub(1)).map_or(rest.len(), |(_, end)| *end);
    match word {
        "INDEXED" if starts(&["INDEXED", "BY"]) => (String::new(), end_of(3)),
        "NOT" if starts(&["NOT", "INDEXED"]) => (String::new(), end_of(2)),
        "ON" if starts(&["ON", "CONFLICT", "("]) => ("ON CONFLICT (tenant, ".to_owned(), end_of(3)),
        "CROSS" if starts(&["CROSS", "JOIN"]) && all.iter().skip(3).take(2).any(|(word, _)| *word == "ON") => ("JOIN".to_owned(), end_of(2)),
        _ => (word.to_owned(), word.len()),
    }
}

/// The next few words and signs, each with where it ends.
fn words(text: &str) -> Vec<(&str, usize)> {
    let mut all = Vec::new();
    let mut at = 0;
    while all.len() < 5 {
        at += text[at..].len() - text[at..].trim_start().len();
        let Some(first) = text[at..].chars().next() else { break };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if is_word(first) { text[at..].find(|c: char| !is_word(c)).unwrap_or(text.len() - at) } else { first.len_utf8() };
        all.push((&text[at..at + length], at + length));
        at += length;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn what_is_spelled_otherwise_is_told_apart_from_what_only_looks_like_it() {
        for (ours, theirs) in [
            ("SELECT 1 WHERE a = ?1 AND b = '?1 INDEXED BY'", "SELECT 1 WHERE a = $1 AND b = '?1 INDEXED BY'"),
            ("INSERT INTO t VALUES (?12) ON CONFLICT (a, b) DO NOTHING", "INSERT INTO t VALUES ($12) ON CONFLICT (tenant, a, b) DO NOTHING"),
            ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING"),
            ("SELECT * FROM line l INDEXED BY line_by_child WHERE x", "SELECT * FROM line l  WHERE x"),
            ("SELECT * FROM audit NOT INDEXED WHERE NOT x", "SELECT * FROM audit  WHERE NOT x"),
            ("a CROSS JOIN b ON b.x = a.x CROSS JOIN c d", "a JOIN b ON b.x = a.x CROSS JOIN c d"),
            ("a CROSS JOIN b k ON b.x", "a JOIN b k ON b.x"),
            ("a CROSS JOIN b JOIN c ON c.x = 'Größe'", "a CROSS JOIN b JOIN c ON c.x = 'Größe'"),
        ] {
            assert_eq!(translate(ours), theirs);
        }
    }
}
