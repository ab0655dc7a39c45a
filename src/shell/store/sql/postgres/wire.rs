//! Values as PostgreSQL sends and takes them: whole numbers of any width, sums, yes and no, text, bytes.

use super::super::{Kind, ValueRef};
use bytes::BytesMut;
use std::error::Error;
use tokio_postgres::types::{self, FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A value on its way to the server.
#[derive(Debug)]
pub(super) struct Sent<'v>(pub ValueRef<'v>);

impl Kind {
    /// The type a place of a statement is declared with: told for a null as well.
    pub(super) const fn declared(self) -> Type {
        match self {
            Self::Integer => Type::INT8,
            Self::Text => Type::TEXT,
            Self::Blob => Type::BYTEA,
        }
    }

    /// The same for a place that holds many.
    pub(super) const fn declared_array(self) -> Type {
        match self {
            Self::Integer => Type::INT8_ARRAY,
            Self::Text => Type::TEXT_ARRAY,
            Self::Blob => Type::BYTEA_ARRAY,
        }
    }
}

impl ToSql for Sent<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if self.0 == ValueRef::Null {
            return Ok(IsNull::Yes);
        }
        write(self.0, out)?;
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(ty)
    }

    to_sql_checked!();
}

fn write(value: ValueRef<'_>, out: &mut BytesMut) -> Result<(), Box<dyn Error + Sync + Send>> {
    match value {
        ValueRef::Null => {}
        ValueRef::Integer(number) => out.extend_from_slice(&number.to_be_bytes()),
        ValueRef::Text(text) if text.contains('\0') => return Err("a text with a character that no database stores".into()),
        ValueRef::Text(text) => out.extend_from_slice(text.as_bytes()),
        ValueRef::Blob(bytes) => out.extend_from_slice(bytes),
    }
    Ok(())
}

/// Many values of one kind on their way to the server, as the elements of an array.
#[derive(Debug)]
pub(super) struct Column {
    kind: Kind,
    count: i32,
    has_null: bool,
    wrong: bool,
    /// Whether all of them are the first again.
    same: bool,
    /// How many bytes the first one has, with its length before it.
    first: usize,
    elements: BytesMut,
}

impl Column {
    /// None yet, with room for `count`.
    pub(super) fn of(kind: Kind, count: usize) -> Self {
        Self { kind, count: 0, has_null: false, wrong: false, same: true, first: 0, elements: BytesMut::with_capacity(count * 16) }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether all of its values are one and the same.
    pub(super) const fn is_one_value(&self) -> bool {
        self.same && self.count > 0
    }

    pub(super) fn push(&mut self, value: ValueRef<'_>) {
        let begun = self.elements.len();
        self.count += 1;
        let length = match value {
            ValueRef::Null => None,
            ValueRef::Integer(_) => Some(8),
            ValueRef::Text(text) => i32::try_from(text.len()).ok(),
            ValueRef::Blob(bytes) => i32::try_from(bytes.len()).ok(),
        };
        self.has_null |= value == ValueRef::Null;
        self.wrong |= length.is_none() && value != ValueRef::Null;
        self.elements.extend_from_slice(&length.unwrap_or(-1).to_be_bytes());
        self.wrong |= write(value, &mut self.elements).is_err();
        if self.count == 1 {
            self.first = self.elements.len();
        }
        self.same &= self.elements.get(..self.first) == self.elements.get(begun..);
    }
}

impl ToSql for Column {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if self.wrong {
            return Err("a text with a character that no database stores".into());
        }
        if <Sent<'_> as ToSql>::accepts(ty) {
            // One value for all of them, after the four bytes of its length.
            if self.has_null {
                return Ok(IsNull::Yes);
            }
            out.extend_from_slice(self.elements.get(4..self.first).unwrap_or_default());
            return Ok(IsNull::No);
        }
        let element = if let types::Kind::Array(element) = ty.kind() { element.oid() } else { self.kind.declared().oid() };
        // One dimension, whether there is a null, what the elements are, how many, and that they are counted from one.
        for word in [1, i32::from(self.has_null)] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(&element.to_be_bytes());
        for word in [self.count, 1] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(&self.elements);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        <Sent<'_> as ToSql>::accepts(ty) || [Type::INT8_ARRAY, Type::TEXT_ARRAY, Type::BYTEA_ARRAY].contains(ty)
    }

    to_sql_checked!();
}

/// A column as it came.
#[derive(Debug)]
pub(super) struct Received<'r>(pub Option<ValueRef<'r>>);

impl<'r> FromSql<'r> for Received<'r> {
    fn from_sql(ty: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(read(ty, raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(ValueRef::Null)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn read<'r>(ty: &Type, raw: &'r [u8]) -> Option<ValueRef<'r>> {
    let number = match *ty {
        Type::INT8 => i64::from_be_bytes(raw.try_into().ok()?),
        Type::INT4 => i32::from_be_bytes(raw.try_into().ok()?).into(),
        Type::INT2 => i16::from_be_bytes(raw.try_into().ok()?).into(),
        Type::BOOL => i64::from(*raw.first()? != 0),
        Type::NUMERIC => whole(raw)?,
        Type::BYTEA => return Some(ValueRef::Blob(raw)),
        // A domain over bytes is told by its own name; text and names are told by theirs.
        Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN => return std::str::from_utf8(raw).ok().map(ValueRef::Text),
        _ => return None,
    };
    Some(ValueRef::Integer(number))
}

/// A sum: PostgreSQL adds whole numbers up as NUMERIC, digits to the base of 10,000.
fn whole(raw: &[u8]) -> Option<i64> {
    let word = |at: usize| raw.get(at * 2..at * 2 + 2).and_then(|bytes| bytes.try_into().ok()).map(i16::from_be_bytes);
    let (digits, weight, sign) = (usize::try_from(word(0)?).ok()?, i32::from(word(1)?), word(2)?);
    let mut sum: i128 = 0;
    for place in 0..digits {
        let power = weight - i32::try_from(place).ok()?;
        let digit = i128::from(word(4 + place)?);
        if power < 0 && digit != 0 {
            return None;
        }
        if power >= 0 {
            sum = sum.checked_add(digit.checked_mul(10_000_i128.checked_pow(u32::try_from(power).ok()?)?)?)?;
        }
    }
    match sign {
        0 => i64::try_from(sum).ok(),
        0x4000 => i64::try_from(-sum).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    fn numeric(digits: &[i16], weight: i16, sign: i16) -> Vec<u8> {
        let head = [i16::try_from(digits.len()).expect("few"), weight, sign, 0];
        head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn sums_are_whole_numbers_or_nothing() {
        assert_eq!(whole(&numeric(&[], 0, 0)), Some(0));
        assert_eq!(whole(&numeric(&[1, 2345], 1, 0)), Some(12_345));
        assert_eq!(whole(&numeric(&[7], 2, 0x4000)), Some(-700_000_000));
        assert_eq!(whole(&numeric(&[5000], -1, 0)), None, "a half");
        assert_eq!(whole(&numeric(&[9999, 9999, 9999, 9999, 9999, 9999], 5, 0)), None, "too large");
        assert_eq!(whole(&numeric(&[1], 0, -0x4000)), None, "no number");
        assert_eq!(whole(&[0, 9]), None, "cut off");
    }
}
