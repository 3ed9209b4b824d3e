//! Values that were encrypted as StackStorm's `symmetric_encrypt` does, with keys of each length.

use super::*;

/// Key files, texts, and the texts encrypted.
const ENCRYPTED: [(&str, &str, &str); 6] = [
    (
        r#"{"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFycw", "size": 128}, "aesKeyString": "AAECAwQFBgcICQoLDA0ODw", "mode": "CBC", "size": 128}"#,
        "s3cret",
        "3030303030C8C9CACBCCCDCECFD0D1D2D3D4D5D6D723D92CA1C4126062CACA387DE5BCC46E71864786E261F6F6EB604EA6B2A27E10FEA947BB",
    ),
    (
        r#"{"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFycw", "size": 128}, "aesKeyString": "AAECAwQFBgcICQoLDA0ODw", "mode": "CBC", "size": 128}"#,
        "grün 🦆 and more than a block",
        "3030303030C8C9CACBCCCDCECFD0D1D2D3D4D5D6D757EDE7C5B40DE7E85EDF9EAF1BC50D7E4BB50B1E66D01B2577F77F819EAC41B5D10D4EFB787F025DDD4CE19139CD244595E2E9DF109AEFB5E08982F8A0A664F1923032B3",
    ),
    (
        r#"{"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7", "size": 192}, "aesKeyString": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "mode": "CBC", "size": 192}"#,
        "s3cret",
        "3030303030C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7613770554511CA784A08C23912327FD0B551FEB3E0D40FE19C0FC4B23F3C9F25AD4D3E2C",
    ),
    (
        r#"{"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7", "size": 192}, "aesKeyString": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "mode": "CBC", "size": 192}"#,
        "grün 🦆 and more than a block",
        "3030303030C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7005E948E1630F9A3BBD07CE1F09277B783886F1AB574AD5BAED75C8AC45C7D496E4A1E978C942C2B6AACBE188A68897A1DB9D66D19FBCCAF7953A6D011549A8E817800F4",
    ),
    (
        r#"{"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM", "size": 256}, "aesKeyString": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "mode": "CBC", "size": 256}"#,
        "s3cret",
        "3030303030C8C9CACBCCCDCECFD0D1D2D3D4D5D6D784795D0FA662E52FD3D2D492B8A0575DCF3833117C2AA6A8D3217C95B5F0BDB4CDF82C3C",
    ),
    (
        r#"{"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM", "size": 256}, "aesKeyString": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "mode": "CBC", "size": 256}"#,
        "grün 🦆 and more than a block",
        "3030303030C8C9CACBCCCDCECFD0D1D2D3D4D5D6D75A90A527199292D77A7801A2E4A32479001EB7E4BDBED6CE278F073D83F6CC328340FB063BBA05F6C2C9D192366409AF87808DB847080A4B04C4C5CBA72290ED577F2BC3",
    ),
];

#[test]
fn what_stackstorm_has_encrypted_is_opened() {
    for (file, text, encrypted) in ENCRYPTED {
        let key = St2Key::read(file).unwrap();
        assert_eq!(key.open(encrypted).as_deref(), Ok(text));
        assert_eq!(key.open(&format!(" {}\n", encrypted.to_lowercase())).as_deref(), Ok(text));
    }
}

#[test]
fn what_was_changed_or_has_another_key_is_refused() {
    let keys: Vec<_> = ENCRYPTED.iter().map(|(file, ..)| St2Key::read(file).unwrap()).collect();
    let encrypted = ENCRYPTED[0].2;
    assert_eq!(keys[2].open(encrypted), Err(St2Error::Signature));
    let changed = format!("{}0{}", &encrypted[..50], &encrypted[51..]);
    assert_ne!(changed, encrypted);
    for (value, error) in [
        (changed.as_str(), St2Error::Signature),
        (&encrypted[2..], St2Error::Signature),
        (&encrypted[1..], St2Error::NotEncrypted),
        ("s3cret", St2Error::NotEncrypted),
        ("00", St2Error::NotEncrypted),
        ("", St2Error::NotEncrypted),
    ] {
        assert_eq!(keys[0].open(value), Err(error), "{value}");
    }
}

#[test]
fn a_file_that_is_no_key_is_refused_and_not_quoted() {
    let good = ENCRYPTED[0].0;
    for (file, error) in [
        ("{}".to_owned(), St2Error::NotKey),
        ("s3cret".to_owned(), St2Error::NotKey),
        (good.replace("CBC", "GCM"), St2Error::Mode),
        (good.replace("AAECAwQF", "AAEC"), St2Error::Length),
        (good.replace("AAECAwQF", "A*EC"), St2Error::NotKey),
    ] {
        let refused = St2Key::read(&file).unwrap_err();
        assert_eq!(refused, error, "{file}");
        assert!(!refused.to_string().contains("s3cret"));
    }
    assert_eq!(format!("{:?}", St2Key::read(good).unwrap()), "St2Key");
}
