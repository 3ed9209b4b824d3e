//! Against a host that says what it was told to say.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;

/// A host that gives, connection by connection, these answers to the requests on it, and then hangs up; joined, it
/// says what it was asked.
fn host(connections: &'static [&'static [&'static str]]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answers in connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            for answer in *answers {
                let Some(request) = request(&mut reader) else { break };
                asked.push(request);
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
        asked
    });
    (address, asked)
}

/// The head and the body of a request; nothing at the end of a connection.
fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut text, mut length) = (String::new(), 0);
    while !text.ends_with("\r\n\r\n") {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        if let Some(number) = line.strip_prefix("Content-Length: ") {
            length = number.trim().parse().unwrap();
        }
        text.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(text + &String::from_utf8(body).unwrap())
}

#[test]
fn an_answer_is_read_whole_however_it_is_framed() {
    let cases: [(&'static [&'static [&'static str]], u16, &str); 5] = [
        (&[&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"]], 200, "hello"),
        (
            &[&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok"]],
            202,
            "ok",
        ),
        (
            &[&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"]],
            200,
            "hello",
        ),
        (&[&["HTTP/1.1 204 No Content\r\n\r\n"]], 204, ""),
        (&[&["HTTP/1.0 200 OK\r\n\r\nto the end"]], 200, "to the end"),
    ];
    for (script, status, body) in cases {
        let (address, asked) = host(script);
        let answer = Client::new(&address).get("/x").unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (status, body));
        asked.join().unwrap();
    }
}

#[test]
fn what_is_sent_has_the_token_the_head_and_the_length() {
    let (address, asked) = host(&[&["HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-Id: 7\r\n\r\n{}"]]);
    let mut client = Client::new(&address).with_token("secret");
    let answer = client.send_with("PUT", "/keys/k", "X-More: yes\r\n", b"{1}").unwrap();
    assert_eq!((answer.header("x-id"), answer.json().unwrap()), (Some("7"), serde_json::json!({})));
    assert_eq!(
        asked.join().unwrap(),
        [
            "PUT /keys/k HTTP/1.1\r\nHost: petrel\r\nX-Auth-Token: secret\r\nX-More: yes\r\nContent-Length: 3\r\n\r\n{1}"
        ]
    );
}

#[test]
fn the_answer_to_a_head_has_a_length_and_no_body() {
    let (address, asked) = host(&[&[
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ]]);
    let mut client = Client::new(&address);
    let answer = client.send_with("HEAD", "/x", "", b"").unwrap();
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some("1000"), 0));
    // The connection is as good as before.
    assert_eq!(client.get("/y").unwrap().status, 200);
    assert_eq!(asked.join().unwrap().len(), 2);
}

#[test]
fn a_connection_is_kept_and_a_new_one_is_taken_when_it_has_ended() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    // The first connection ends after two answers without a word, the second one says that it does.
    let (address, asked) = host(&[&[OK, OK], &[LAST], &[OK]]);
    let mut client = Client::new(&address);
    for number in 0..4 {
        assert_eq!(client.get(&format!("/{number}")).unwrap().status, 200);
    }
    assert_eq!(asked.join().unwrap().len(), 4);
}

#[test]
fn a_break_says_how_it_broke() {
    let (address, asked) = host(&[&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]]);
    let broken = Client::new(&address).get("/x").unwrap_err();
    assert!(matches!(&broken, Broken::HungUp(why) if why.contains("within its answer")), "{broken:?}");
    asked.join().unwrap();
    // Nobody listens there any more.
    assert!(matches!(Client::new(&address).get("/x"), Err(Broken::Unreachable(_))));
    // One who takes a connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut client = Client::new(&address).with_patience(Duration::from_millis(50));
    assert_eq!(client.get("/x").unwrap_err(), Broken::Hang);
}
