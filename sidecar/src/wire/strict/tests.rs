//! What the parser is handed of a connection, piece by piece, on a clock that stands still.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n";

fn connection() -> (DuplexStream, Strict<DuplexStream>) {
    let (theirs, ours) = duplex(1024 * 1024);
    (theirs, Strict::new(ours, Turn::default(), Arc::new(Semaphore::new(2))))
}

/// What is handed on while the request before it is still being answered.
async fn more(strict: &mut Strict<DuplexStream>) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 64 * 1024];
    let length = strict.read(&mut buffer).await?;
    buffer.truncate(length);
    Ok(buffer)
}

/// What is handed on where each request is answered at once.
async fn next(strict: &mut Strict<DuplexStream>) -> io::Result<Vec<u8>> {
    drop(strict.turn.taken());
    more(strict).await
}

async fn nothing(strict: &mut Strict<DuplexStream>) -> bool {
    tokio::time::timeout(Duration::from_mins(1), more(strict)).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_head_is_seen_when_it_is_whole_and_a_body_as_it_comes() {
    let (mut theirs, mut strict) = connection();
    theirs.write_all(&GET[..9]).await.expect("room");
    let early = tokio::time::timeout(Duration::from_secs(1), next(&mut strict)).await;
    assert!(early.is_err(), "nothing of it is seen");
    theirs.write_all(&[&GET[9..], POST, b"12"].concat()).await.expect("room");
    assert_eq!(next(&mut strict).await.expect("bytes"), GET);
    assert_eq!(next(&mut strict).await.expect("bytes"), [POST, b"12"].concat());
    theirs.write_all(b"34").await.expect("room");
    assert_eq!(next(&mut strict).await.expect("bytes"), b"34");
    drop(theirs);
    assert_eq!(next(&mut strict).await.expect("the end"), b"");
}

#[tokio::test(start_paused = true)]
async fn p01_a_refused_head_is_told_in_turn_and_nothing_of_it_or_behind_it_is_seen() {
    for pieces in [&[0][..], &[0, 5], &[0, 30, 60]] {
        let (mut theirs, mut strict) = connection();
        let all = [GET, b"GET /x HTTP/1.1\r\nA: 1\nB: 2\r\n\r\n", GET].concat();
        let mut seen = Vec::new();
        for (at, begin) in pieces.iter().enumerate() {
            theirs.write_all(&all[*begin..*pieces.get(at + 1).unwrap_or(&all.len())]).await.expect("room");
            if let Ok(read) = tokio::time::timeout(Duration::from_millis(1), next(&mut strict)).await {
                seen.extend(read.expect("bytes"));
            }
        }
        while let Ok(read) = tokio::time::timeout(Duration::from_mins(1), next(&mut strict)).await {
            seen.extend(read.expect("bytes"));
        }
        assert_eq!(seen, [GET, &Fault::LineFeed.told()].concat(), "{pieces:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_buffer_of_any_size_is_filled_with_the_same_bytes() {
    let (mut theirs, mut strict) = connection();
    theirs.write_all(&[GET, POST, b"1234", GET].concat()).await.expect("room");
    drop(theirs);
    let (mut seen, mut small) = (Vec::<u8>::new(), [0; 7]);
    loop {
        drop(strict.turn.taken());
        let length = strict.read(&mut small).await.expect("bytes");
        seen.extend(&small[..length]);
        if length == 0 {
            break;
        }
    }
    assert_eq!(seen, [GET, POST, b"1234", GET].concat());
}

#[tokio::test(start_paused = true)]
async fn p08_a_head_that_dribbles_has_ten_seconds_and_one_that_does_not_begin_is_owed_nothing() {
    let (mut theirs, mut strict) = connection();
    theirs.write_all(GET).await.expect("room");
    assert_eq!(next(&mut strict).await.expect("a head"), GET);
    let begun = Instant::now();
    let dribble = async {
        // An hour between two requests is nothing that is decided here.
        sleep(Duration::from_hours(1)).await;
        for byte in GET.iter().take(20) {
            theirs.write_all(&[*byte]).await.expect("room");
            sleep(Duration::from_secs(1)).await;
        }
    };
    let ((), seen) = tokio::join!(dribble, next(&mut strict));
    assert_eq!(seen.expect("a word"), Fault::Slow.told());
    assert!(begun.elapsed() >= Duration::from_hours(1) + HEAD_PATIENCE);

    let (_theirs, mut strict) = connection();
    let begun = Instant::now();
    assert_eq!(next(&mut strict).await.expect("the end"), b"");
    assert_eq!(begun.elapsed(), HEAD_PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn p08_a_body_may_pause_and_not_for_ever() {
    let (mut theirs, mut strict) = connection();
    theirs.write_all(&[POST, b"1"].concat()).await.expect("room");
    next(&mut strict).await.expect("a head");
    let slowly = async {
        for byte in [b"2", b"3"] {
            sleep(BODY_PATIENCE * 9 / 10).await;
            theirs.write_all(byte).await.expect("room");
        }
    };
    let ((), two) = tokio::join!(slowly, async { [next(&mut strict).await, next(&mut strict).await] });
    assert_eq!(two.map(|piece| piece.expect("a byte")), [b"2", b"3"]);
    assert_eq!(next(&mut strict).await.expect_err("late").kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn x4_a_client_that_has_gone_is_seen_to_be_gone_whatever_it_sent_ahead() {
    for ahead in [GET, b"x", POST] {
        let (mut theirs, mut strict) = connection();
        theirs.write_all(&[GET, ahead].concat()).await.expect("room");
        assert_eq!(more(&mut strict).await.expect("a request"), GET);
        assert!(nothing(&mut strict).await, "it waits for its turn, and is late for nothing");
        drop(theirs);
        assert_eq!(more(&mut strict).await.expect("the end"), b"");
    }
    let (mut theirs, mut strict) = connection();
    theirs.write_all(&[GET, GET].concat()).await.expect("room");
    assert_eq!(more(&mut strict).await.expect("a request"), GET);
    assert_eq!(next(&mut strict).await.expect("the next one, in its turn"), GET);
}

#[tokio::test(start_paused = true)]
async fn p22_a_client_that_sends_much_ahead_waits_for_so_long_and_one_that_is_answered_goes_on() {
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(SHORT_HEAD)).into_bytes();
    for first in [GET.to_vec(), long] {
        let (mut theirs, mut strict) = connection();
        theirs.write_all(&first).await.expect("room");
        let mut seen = Vec::new();
        while seen.len() < first.len() {
            seen.extend(more(&mut strict).await.expect("a request"));
        }
        theirs.write_all(&GET.repeat(100)).await.expect("room");
        assert!(nothing(&mut strict).await);
        theirs.write_all(&GET.repeat(10_000)).await.expect("room");
        let begun = Instant::now();
        assert_eq!(more(&mut strict).await.expect_err("ended").kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), HEAD_PATIENCE);
        assert!(strict.held.len() <= 2 * SHORT_HEAD, "{}", strict.held.len());
    }
    let (mut theirs, mut strict) = connection();
    theirs.write_all(&GET.repeat(2000)).await.expect("room");
    for _ in 0..2000 {
        assert_eq!(next(&mut strict).await.expect("a request"), GET);
    }
}

/// The parser's buffer would grow with each read that fills it.
#[tokio::test(start_paused = true)]
async fn p22_no_read_fills_the_parsers_buffer_and_no_long_head_comes_past_its_place() {
    let (mut theirs, mut strict) = connection();
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", 60_000);
    theirs.write_all(&[head.as_bytes(), &vec![b'x'; 60_000]].concat()).await.expect("room");
    let mut seen = 0;
    while seen < head.len() + 60_000 {
        let read = next(&mut strict).await.expect("bytes").len();
        assert!((1..SHORT_HEAD).contains(&read), "{read}");
        seen += read;
    }
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(30_000));
    theirs.write_all(long.as_bytes()).await.expect("room");
    assert_eq!(next(&mut strict).await.expect("a head").len(), long.len());
    assert!(strict.place.is_some() && strict.turn.is_last());
}

#[tokio::test(start_paused = true)]
async fn p22_a_long_head_has_a_place_among_few_and_is_the_last_of_its_connection() {
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(SHORT_HEAD));
    let (pieces, places) = (long.as_bytes().chunks(4096), Arc::new(Semaphore::new(3)));
    let send = async |theirs: &mut DuplexStream, strict: &mut Strict<DuplexStream>| {
        let mut seen = Vec::new();
        for piece in pieces.clone() {
            theirs.write_all(piece).await.expect("room");
            let read = tokio::time::timeout(Duration::from_millis(1), more(strict)).await;
            seen.extend(read.map(|read| read.expect("bytes")).unwrap_or_default());
        }
        seen
    };
    let begin = || {
        let (theirs, ours) = duplex(1024 * 1024);
        (theirs, Strict::new(ours, Turn::default(), places.clone()))
    };
    let [(mut one, mut first), (mut two, mut second), (mut three, mut third)] = [begin(), begin(), begin()];
    assert_eq!(send(&mut one, &mut first).await, long.as_bytes());
    assert!(first.turn.is_last());
    assert_eq!(send(&mut two, &mut second).await, Fault::Crowded.told());
    two.write_all(GET).await.expect("room");
    drop(first);
    assert_eq!(send(&mut three, &mut third).await, long.as_bytes(), "a place is free again");
    let (mut theirs, mut strict) = begin();
    theirs.write_all(GET).await.expect("room");
    assert_eq!(more(&mut strict).await.expect("a short one needs none"), GET);
    assert!(!strict.turn.is_last());
}

/// Old clients end a body with a line's end that its length does not count.
#[tokio::test(start_paused = true)]
async fn a_line_end_behind_a_body_is_no_request() {
    let (mut theirs, mut strict) = connection();
    theirs.write_all(&[POST, b"1234\r\n"].concat()).await.expect("room");
    assert_eq!(next(&mut strict).await.expect("a request"), [POST, b"1234"].concat());
    drop(strict.turn.taken());
    assert!(nothing(&mut strict).await, "and nobody is told that it is slow");
    theirs.write_all(GET).await.expect("room");
    assert_eq!(next(&mut strict).await.expect("a request"), [b"\r\n", GET].concat());
}

#[tokio::test(start_paused = true)]
async fn p01_a_broken_body_is_an_error_behind_what_was_right_of_it() {
    let (mut theirs, mut strict) = connection();
    let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    theirs.write_all(&[&head[..], b"2\r\n{}\r\n"].concat()).await.expect("room");
    assert_eq!(next(&mut strict).await.expect("bytes").len(), head.len() + 7);
    theirs.write_all(b"x\r\n").await.expect("room");
    assert_eq!(next(&mut strict).await.expect_err("broken").kind(), io::ErrorKind::InvalidData);
}
