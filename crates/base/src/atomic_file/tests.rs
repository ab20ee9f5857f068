use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};

use super::*;

const BESIDE: &str = ".told.json";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn put(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    write(Destination::of(path, replace)?, text.as_bytes(), None)
}

fn put_with(path: &Path, text: &str, companion: Option<&str>, replace: bool) -> io::Result<()> {
    write(Destination::of(path, replace)?.with_companion(BESIDE)?, text.as_bytes(), companion.map(str::as_bytes))
}

#[test]
fn nothing_is_overwritten_unasked_and_nothing_is_left_beside() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.txt");
    put(&path, "one", false).unwrap();
    let error = put(&path, "two", false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("a.txt"), "{error}");
    put(&path, "three", true).unwrap();
    assert_eq!(read(&path), "three");
    assert!(put(home.path(), "x", true).is_err(), "a folder");
    assert!(put(&home.path().join("new/"), "x", true).is_err(), "the name of a folder");
    assert!(put(&home.path().join("no/a.txt"), "x", true).unwrap_err().to_string().contains("no such folder"));
    assert_eq!(names(home.path()), ["a.txt"]);
}

#[test]
fn a_file_that_came_meanwhile_stays_the_new_one_beside_it_and_an_unfinished_one_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.txt");
    let mut file = Destination::of(&path, false).unwrap().create().unwrap();
    file.write_all(b"ours").unwrap();
    std::fs::write(&path, "theirs").unwrap();
    let part = file.partial().unwrap().to_owned();
    let error = file.commit(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains(part.to_str().unwrap()), "{error}");
    assert_eq!((read(&path), read(&part)), ("theirs".to_owned(), "ours".to_owned()));
    std::fs::remove_file(part).unwrap();
    drop(Destination::of(&path, true).unwrap().create().unwrap());
    assert_eq!(names(home.path()), ["a.txt"]);
}

#[test]
fn of_two_writers_each_writes_a_file_of_its_own_and_the_last_complete_one_counts() {
    two_writers(true);
    two_writers(false);
}

fn two_writers(replace: bool) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.csv");
    let begin = || Destination::of(&path, replace).unwrap().with_companion(BESIDE).unwrap().create().unwrap();
    let (mut first, mut second) = (begin(), begin());
    assert_ne!(first.partial(), second.partial());
    first.write_all(b"first, ").unwrap();
    second.write_all(b"second").unwrap();
    assert_eq!(names(home.path()).iter().filter(|name| name.starts_with("a.csv.") && name.ends_with(".partial")).count(), 2);
    second.commit(Some(b"of the second")).unwrap();
    first.write_all(b"whole").unwrap();
    first.commit(Some(b"of the first")).unwrap();
    assert_eq!(read(&path), "first, whole");
    assert_eq!(read(&with_suffix(&path, BESIDE)), "of the first");
    assert_eq!(names(home.path()), ["a.csv", "a.csv.told.json"]);
}

#[test]
fn a_file_and_its_companion_are_of_one_writer_however_many_write() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.csv");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || {
                for turn in 0..40 {
                    let text = format!("{writer} {turn}");
                    put_with(path, &text, Some(&text), true).unwrap();
                }
            });
        }
    });
    assert_eq!(read(&path), read(&with_suffix(&path, BESIDE)));
    assert_eq!(names(home.path()).len(), 2);
}

#[test]
fn a_companion_comes_and_goes_with_its_file_and_is_not_overwritten_unasked() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.csv");
    let beside = with_suffix(&path, BESIDE);
    std::fs::write(&beside, "of an earlier one").unwrap();
    let error = put_with(&path, "new", Some("of the new"), false).unwrap_err();
    assert!(error.kind() == ErrorKind::AlreadyExists && error.to_string().contains("a.csv.told.json"), "{error}");
    put_with(&path, "new", Some("of the new"), true).unwrap();
    assert_eq!((read(&path), read(&beside)), ("new".to_owned(), "of the new".to_owned()));
    put_with(&path, "newer", None, true).unwrap();
    assert_eq!(names(home.path()), ["a.csv"], "nothing is left that tells of another file");
    std::fs::create_dir(&beside).unwrap();
    assert!(put_with(&path, "newest", Some("x"), true).is_err());
    assert_eq!(read(&path), "newer");
}

#[test]
fn the_target_of_a_link_is_written_and_the_link_stays() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("runs")).unwrap();
    let (link, through, target) = (home.path().join("latest"), home.path().join("through"), home.path().join("runs/a.csv"));
    symlink("through", &link).unwrap();
    symlink("runs/a.csv", &through).unwrap();
    put_with(&link, "new", Some("of it"), false).unwrap();
    assert_eq!(read(&target), "new");
    assert_eq!(put(&link, "newer", false).unwrap_err().kind(), ErrorKind::AlreadyExists);
    put_with(&link, "newer", Some("of the newer"), true).unwrap();
    assert_eq!((read(&target), read(&with_suffix(&target, BESIDE))), ("newer".to_owned(), "of the newer".to_owned()));
    assert!([&link, &through].iter().all(|link| std::fs::symlink_metadata(link).unwrap().is_symlink()));
    assert_eq!(names(home.path()), ["latest", "runs", "through"]);

    let (one, other) = (home.path().join("one"), home.path().join("other"));
    symlink("one", &other).unwrap();
    symlink("other", &one).unwrap();
    assert!(put(&one, "x", true).unwrap_err().to_string().contains("circle"));
}

#[test]
fn a_pipe_is_written_to_and_stays_one() {
    let home = tempfile::tempdir().unwrap();
    let pipe = home.path().join("pipe.csv");
    rustix::fs::mkfifoat(CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || read(&pipe)
    });
    put_with(&pipe, "a,b\n", Some("of it"), false).unwrap();
    assert_eq!(reader.join().unwrap(), "a,b\n");
    assert!(std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(names(home.path()), ["pipe.csv"]);
}

#[test]
fn a_socket_is_written_to_and_stays_one() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    put(&path, "a,b\n", false).unwrap();
    assert_eq!(reader.join().unwrap(), "a,b\n");
    assert_eq!(names(home.path()), ["socket"]);
}

#[test]
fn an_open_descriptor_is_written_to_at_its_end_by_whatever_name() {
    use std::os::fd::AsRawFd as _;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("open.csv");
    std::fs::write(&path, "before\n").unwrap();
    let file = OpenOptions::new().append(true).open(&path).unwrap();
    let link = home.path().join("link");
    symlink(format!("/dev/fd/{}", file.as_raw_fd()), &link).unwrap();
    put(&link, "after\n", false).unwrap();
    put(Path::new(&format!("/dev/../dev/fd/{}", file.as_raw_fd())), "again\n", false).unwrap();
    assert_eq!(read(&path), "before\nafter\nagain\n");
    assert_eq!(names(home.path()), ["link", "open.csv"]);
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/dev/null"] {
        assert!(Destination::of(Path::new(name), false).unwrap().is_stream(), "{name}");
    }
}

#[test]
fn a_replaced_file_keeps_its_rights() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.txt");
    put(&path, "one", false).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    put(&path, "two", true).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_name_as_long_as_the_file_system_takes_is_written() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("n".repeat(255));
    put(&path, "one", false).unwrap();
    assert_eq!(read(&path), "one");
}

#[test]
fn what_is_kept_unfinished_says_so_in_its_name_and_overwrites_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.csv");
    let keep = |text: &str| {
        let mut file = Destination::of(&path, false).unwrap().create().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.keep_partial().unwrap().unwrap()
    };
    assert_eq!(keep("first"), home.path().join("a.csv.partial"));
    let second = keep("second");
    assert!(second.file_name().unwrap().to_str().unwrap().ends_with(".partial"));
    assert_eq!((read(&home.path().join("a.csv.partial")), read(&second)), ("first".to_owned(), "second".to_owned()));
}

#[test]
fn another_name_is_proposed_that_is_free() {
    let home = tempfile::tempdir().unwrap();
    for name in ["a.csv", "a-2.csv"] {
        std::fs::write(home.path().join(name), "").unwrap();
    }
    assert_eq!(free_beside(&home.path().join("a.csv")), home.path().join("a-3.csv"));
    assert_eq!(free_beside(&home.path().join("plain")), home.path().join("plain-2"));
}
