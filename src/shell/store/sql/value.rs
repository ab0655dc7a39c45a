//! Values on their way into a statement and out of a row: whole numbers, text, bytes, or nothing. Nothing is copied on the way in.

/// What a place of a statement or a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers; yes and no are 1 and 0.
    Integer,
    /// Text.
    Text,
    /// Bytes.
    Blob,
}

/// A value that lies elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRef<'v> {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(&'v str),
    /// Bytes.
    Blob(&'v [u8]),
}

impl<'v> ValueRef<'v> {
    /// The bytes of a text or of bytes.
    pub const fn as_bytes(self) -> Option<&'v [u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Blob(bytes) => Some(bytes),
            Self::Null | Self::Integer(_) => None,
        }
    }
}

/// A value of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
}

/// What can be put into a statement.
pub trait ToSql {
    /// The value, borrowed.
    fn value(&self) -> ValueRef<'_>;

    /// What it is even where it holds none: a server wants to know the type of a null.
    fn kind(&self) -> Kind;
}

/// What a column can be read as.
pub trait FromSql: Sized {
    /// Reads it; none where the value is of another kind or does not fit.
    fn from_value(value: ValueRef<'_>) -> Option<Self>;
}

macro_rules! whole_numbers {
    ($($type:ty)*) => { $(
        impl ToSql for $type {
            fn value(&self) -> ValueRef<'_> {
                ValueRef::Integer(i64::from(*self))
            }
            fn kind(&self) -> Kind {
                Kind::Integer
            }
        }
        impl FromSql for $type {
            fn from_value(value: ValueRef<'_>) -> Option<Self> {
                if let ValueRef::Integer(number) = value { number.try_into().ok() } else { None }
            }
        }
    )* };
}
whole_numbers!(i64 i32 u32 u16 u8);

impl ToSql for bool {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Integer(i64::from(*self))
    }
    fn kind(&self) -> Kind {
        Kind::Integer
    }
}

impl FromSql for bool {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        if let ValueRef::Integer(number) = value { Some(number != 0) } else { None }
    }
}

impl ToSql for str {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
}

impl ToSql for String {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
}

impl FromSql for String {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        if let ValueRef::Text(text) = value { Some(text.to_owned()) } else { None }
    }
}

impl ToSql for [u8] {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Blob(self)
    }
    fn kind(&self) -> Kind {
        Kind::Blob
    }
}

impl ToSql for Vec<u8> {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Blob(self)
    }
    fn kind(&self) -> Kind {
        Kind::Blob
    }
}

impl<const N: usize> ToSql for [u8; N] {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Blob(self)
    }
    fn kind(&self) -> Kind {
        Kind::Blob
    }
}

impl FromSql for Vec<u8> {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        if let ValueRef::Blob(bytes) = value { Some(bytes.to_vec()) } else { None }
    }
}

impl<const N: usize> FromSql for [u8; N] {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        if let ValueRef::Blob(bytes) = value { bytes.try_into().ok() } else { None }
    }
}

impl ToSql for Value {
    fn value(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text),
        }
    }
    fn kind(&self) -> Kind {
        if matches!(self, Self::Text(_)) { Kind::Text } else { Kind::Integer }
    }
}

impl FromSql for Value {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(Self::Null),
            ValueRef::Integer(number) => Some(Self::Integer(number)),
            ValueRef::Text(text) => Some(Self::Text(text.to_owned())),
            ValueRef::Blob(_) => None,
        }
    }
}

impl<T: ToSql + DefaultKind> ToSql for Option<T> {
    fn value(&self) -> ValueRef<'_> {
        self.as_ref().map_or(ValueRef::Null, ToSql::value)
    }
    fn kind(&self) -> Kind {
        T::KIND
    }
}

impl<T: FromSql> FromSql for Option<T> {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        if value == ValueRef::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

impl<T: ToSql + ?Sized> ToSql for &T {
    fn value(&self) -> ValueRef<'_> {
        (**self).value()
    }
    fn kind(&self) -> Kind {
        (**self).kind()
    }
}

impl<T: ToSql + ?Sized> ToSql for Box<T> {
    fn value(&self) -> ValueRef<'_> {
        (**self).value()
    }
    fn kind(&self) -> Kind {
        (**self).kind()
    }
}

/// The kind of a type's values, known without one.
pub trait DefaultKind {
    /// It.
    const KIND: Kind;
}

macro_rules! kinds {
    ($($type:ty: $kind:ident),*) => { $(impl DefaultKind for $type { const KIND: Kind = Kind::$kind; })* };
}
kinds!(i64: Integer, i32: Integer, u32: Integer, u16: Integer, u8: Integer, bool: Integer, str: Text, String: Text, [u8]: Blob, Vec<u8>: Blob);

impl<const N: usize> DefaultKind for [u8; N] {
    const KIND: Kind = Kind::Blob;
}

impl<T: DefaultKind + ?Sized> DefaultKind for &T {
    const KIND: Kind = T::KIND;
}

/// What a statement is given: `[]`, an array, a tuple or [`params!`](crate::params) of references.
pub trait Params {
    /// Hands each value over in its order.
    fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>));
}

/// Hands values over one by one, for [`Params`] of a type of its own.
pub struct Places<'t, 'p>(pub &'t mut dyn FnMut(Kind, ValueRef<'p>));

impl<'p> Places<'_, 'p> {
    /// A whole number.
    pub fn number(&mut self, number: i64) {
        (self.0)(Kind::Integer, ValueRef::Integer(number));
    }

    /// Whole numbers.
    pub fn numbers(&mut self, numbers: impl IntoIterator<Item = i64>) {
        numbers.into_iter().for_each(|number| self.number(number));
    }

    /// A whole number or nothing.
    pub fn number_or_none(&mut self, number: Option<i64>) {
        (self.0)(Kind::Integer, number.map_or(ValueRef::Null, ValueRef::Integer));
    }

    /// Text or nothing.
    pub fn text(&mut self, text: Option<&'p str>) {
        (self.0)(Kind::Text, text.map_or(ValueRef::Null, ValueRef::Text));
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &'p [u8]) {
        (self.0)(Kind::Blob, ValueRef::Blob(bytes));
    }

    /// Bytes or nothing.
    pub fn bytes_or_none(&mut self, bytes: Option<&'p [u8]>) {
        (self.0)(Kind::Blob, bytes.map_or(ValueRef::Null, ValueRef::Blob));
    }
}

impl Params for [&(dyn ToSql + Send + Sync); 0] {
    fn each<'p>(&'p self, _: &mut dyn FnMut(Kind, ValueRef<'p>)) {}
}

impl Params for &[&dyn ToSql] {
    fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>)) {
        self.iter().for_each(|value| take(value.kind(), value.value()));
    }
}

macro_rules! arrays {
    ($($length:literal)*) => { $(
        impl<T: ToSql> Params for [T; $length] {
            fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>)) {
                self.iter().for_each(|value| take(value.kind(), value.value()));
            }
        }
    )* };
}
arrays!(1 2 3 4 5 6 7 8);

macro_rules! tuples {
    ($($name:ident $place:tt),*) => {
        impl<$($name: ToSql),*> Params for ($($name,)*) {
            fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>)) {
                $(take(self.$place.kind(), self.$place.value());)*
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Values that are counted at run time.
#[derive(Debug)]
pub struct Listed<T>(Vec<T>);

/// Parameters from what is counted at run time.
pub fn params_from_iter<I: IntoIterator>(values: I) -> Listed<I::Item> {
    Listed(values.into_iter().collect())
}

impl<T: ToSql> Params for Listed<T> {
    fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>)) {
        self.0.iter().for_each(|value| take(value.kind(), value.value()));
    }
}
