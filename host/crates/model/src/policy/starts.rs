//! The times at which executions start, as they are stored: each as the distance from the one before, since all of them are
//! written with every start. Earlier versions have stored times.

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::Timestamp;

pub(super) fn serialize<S: Serializer>(starts: &[Timestamp], serializer: S) -> Result<S::Ok, S::Error> {
    let mut before = 0_i64;
    let distance = |start: &Timestamp| {
        let micros = start.as_micros();
        let distance = micros.wrapping_sub(before);
        before = micros;
        format!("{distance:x}")
    };
    serializer.serialize_str(&starts.iter().map(distance).collect::<Vec<_>>().join(" "))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Distances(String),
        Times(Vec<Timestamp>),
    }
    let text = match Stored::deserialize(deserializer)? {
        Stored::Times(times) => return Ok(times),
        Stored::Distances(text) => text,
    };
    let mut before = 0_i64;
    let start = |word: &str| {
        let distance = u64::from_str_radix(word, 16).map_err(de::Error::custom)?;
        before = before.wrapping_add(distance.cast_signed());
        Ok(Timestamp::from_micros(before))
    };
    text.split_whitespace().map(start).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{PolicyState, Timestamp};

    fn state(starts: &[i64]) -> PolicyState {
        let starts = starts.iter().copied().map(Timestamp::from_micros).collect();
        PolicyState { key: "a.p:0".into(), until: Timestamp::from_micros(9), first: None, starts }
    }

    #[test]
    fn starts_are_stored_small_and_read_in_both_forms() {
        for starts in [&[][..], &[0], &[1_763_640_000_000_000, 1_763_640_000_060_000], &[5, 5, 7], &[9, -3]] {
            let state = state(starts);
            let text = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<PolicyState>(&text).unwrap(), state, "{text}");
            let times = json!({"key": state.key, "until": state.until, "starts": state.starts});
            assert_eq!(serde_json::from_value::<PolicyState>(times).unwrap(), state);
        }
        let many: Vec<i64> = (0..1000).map(|n| 1_763_640_000_000_000 + n * 60_000).collect();
        assert!(serde_json::to_string(&state(&many)).unwrap().len() < 6_000);
    }
}
