//! Leaves out attributes that were not asked for while an item is being written, so that nothing is built in vain.

use serde::ser::{Error as _, Impossible, SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use super::{Attributes, PageRequest};

/// The error for a value that is no struct. All items of lists are structs of `petrel_api_types`.
const NO_ATTRIBUTES: &str = "only what has attributes can be narrowed to some of them";

impl PageRequest {
    /// An item with only the requested attributes. `id` and `ref` are always among them.
    pub(crate) fn narrowed<T: Serialize>(&self, item: T) -> Narrowed<'_, T> {
        Narrowed { item, attributes: &self.attributes }
    }
}

/// A value that is written with some of its attributes.
pub(crate) struct Narrowed<'a, T> {
    item: T,
    attributes: &'a Attributes,
}

impl Attributes {
    fn admit(&self, name: &str) -> bool {
        let is_among = |names: &[String]| names.iter().any(|known| known == name);
        match self {
            Self::All => true,
            Self::Only(names) => ["id", "ref"].contains(&name) || is_among(names),
            Self::Without(names) => ["id", "ref"].contains(&name) || !is_among(names),
        }
    }
}

impl<T: Serialize> Serialize for Narrowed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.attributes {
            Attributes::All => self.item.serialize(serializer),
            attributes => self.item.serialize(Narrowing { serializer, attributes }),
        }
    }
}

/// Serializes a struct as a map with some of its fields, and refuses every other kind of value.
struct Narrowing<'a, S> {
    serializer: S,
    attributes: &'a Attributes,
}

/// The fields of a struct, some of which are written.
struct Fields<'a, M> {
    map: M,
    attributes: &'a Attributes,
}

impl<M: SerializeMap> SerializeStruct for Fields<'_, M> {
    type Ok = M::Ok;
    type Error = M::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), M::Error> {
        if self.attributes.admit(name) { self.map.serialize_entry(name, value) } else { Ok(()) }
    }

    fn end(self) -> Result<M::Ok, M::Error> {
        self.map.end()
    }
}

/// Methods that refuse a value of a simple type.
macro_rules! refuse {
    ($($method:ident($kind:ty)),+ $(,)?) => {$(
        fn $method(self, _: $kind) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom(NO_ATTRIBUTES))
        }
    )+};
}

/// Methods that refuse a compound value, which begins with its name or its length.
macro_rules! refuse_compound {
    ($($method:ident($($kind:ty),*) -> $made:ident),+ $(,)?) => {$(
        fn $method(self, $(_: $kind),*) -> Result<Self::$made, S::Error> {
            Err(S::Error::custom(NO_ATTRIBUTES))
        }
    )+};
}

impl<'a, S: Serializer> Serializer for Narrowing<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
    type SerializeMap = Impossible<S::Ok, S::Error>;
    type SerializeStruct = Fields<'a, S::SerializeMap>;
    type SerializeStructVariant = Impossible<S::Ok, S::Error>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, S::Error> {
        // The length is unknown before the fields have passed.
        let map = self.serializer.serialize_map(None)?;
        Ok(Fields { map, attributes: self.attributes })
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom(NO_ATTRIBUTES))
    }

    refuse! {
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    refuse_compound! {
        serialize_none() -> Ok,
        serialize_unit() -> Ok,
        serialize_unit_variant(&'static str, u32, &'static str) -> Ok,
        serialize_seq(Option<usize>) -> SerializeSeq,
        serialize_tuple(usize) -> SerializeTuple,
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant,
        serialize_map(Option<usize>) -> SerializeMap,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant,
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::TriggerInstance;
    use serde_json::json;

    use super::super::tests::query;
    use super::*;

    #[derive(Serialize)]
    struct Thing {
        id: u32,
        x: u32,
        #[serde(rename = "ref")]
        reference: &'static str,
        y: serde_json::Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        z: Option<u32>,
    }

    #[test]
    fn attributes_narrow_an_item() {
        let thing = || Thing { id: 1, x: 2, reference: "a.b", y: json!({"z": 3, "w": 4}), z: None };
        for (asked, shown) in [
            ("", r#"{"id":1,"x":2,"ref":"a.b","y":{"z":3,"w":4}}"#),
            ("include_attributes=y.z", r#"{"id":1,"ref":"a.b","y":{"z":3,"w":4}}"#),
            ("include_attributes=nothing,z", r#"{"id":1,"ref":"a.b"}"#),
            ("exclude_attributes=y,id", r#"{"id":1,"x":2,"ref":"a.b"}"#),
        ] {
            let page = query(asked).unwrap();
            assert_eq!(serde_json::to_string(&page.narrowed(thing())).unwrap(), shown, "{asked}");
            assert_eq!(serde_json::to_string(&page.narrowed(Some(&thing()))).unwrap(), shown, "{asked}");
        }
    }

    #[test]
    fn what_is_left_is_written_as_it_stands() {
        let text = r#"{"id":"65a000000000000000000001","payload":{"b":[1,  2.50],"a":1e2}}"#;
        let stored = text.replace(
            r#""payload""#,
            r#""trigger":"a.b","trigger_type":"a.b","occurrence_time":"2026-11-20T12:00:00Z","status":"processed","payload""#,
        );
        let event: TriggerInstance = serde_json::from_str(&stored).unwrap();
        let shown = petrel_api_types::TriggerInstance::of(&event, event.payload.clone());
        let page = query("include_attributes=payload").unwrap();
        assert_eq!(serde_json::to_string(&page.narrowed(shown)).unwrap(), text);
    }

    #[test]
    fn what_has_no_attributes_is_not_narrowed() {
        let page = query("include_attributes=a").unwrap();
        assert!(serde_json::to_string(&page.narrowed(json!({"a": 1}))).is_err());
        assert!(serde_json::to_string(&page.narrowed(5)).is_err());
    }
}
