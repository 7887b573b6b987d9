use std::path::Path;

use rialto_delivery_release::SlotName;
use rialto_delivery_supervisor::{InstallError, SupervisorError, UnpackError, unpack};

use crate::world::{World, key, zip};

fn refused(entries: &[(&str, u32, &[u8])]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (archive, target) = (folder.path().join("a.zip"), folder.path().join("in/target"));
    std::fs::create_dir_all(&target).unwrap();
    zip(&archive, entries);
    let error = unpack(&archive, &target).unwrap_err();
    let outside: Vec<_> = std::fs::read_dir(folder.path().join("in"))
        .unwrap()
        .collect();
    assert_eq!(outside.len(), 1, "nothing is written beside the folder");
    error.to_string()
}

#[test]
fn entries_that_leave_the_folder_are_refused() {
    for name in ["../evil", "a/../../evil", "/etc/evil", "a\\..\\evil"] {
        let error = refused(&[(name, 0o644, b"x")]);
        assert!(error.contains("is refused"), "{name}: {error}");
    }
}

#[test]
fn links_that_leave_the_folder_and_devices_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for destination in ["/etc/passwd", "../../x", "a/../../../x", ""] {
        let archive = folder.path().join("l.zip");
        let mut writer = ::zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
        writer
            .add_symlink(
                "dir/link",
                destination,
                ::zip::write::SimpleFileOptions::default(),
            )
            .unwrap();
        writer.finish().unwrap();
        let target = tempfile::tempdir().unwrap();
        let error = unpack(&archive, target.path()).unwrap_err();
        assert!(error.to_string().contains("link"), "{destination}: {error}");
    }
}

#[test]
fn a_link_inside_is_kept_and_nothing_is_written_through_it() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("l.zip");
    let options = ::zip::write::SimpleFileOptions::default();
    let mut writer = ::zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
    writer.add_symlink("current", "v1/lib", options).unwrap();
    writer.start_file("v1/lib/x", options).unwrap();
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    writer.finish().unwrap();
    let target = folder.path().join("t");
    std::fs::create_dir(&target).unwrap();
    unpack(&archive, &target).unwrap();
    assert_eq!(
        std::fs::read_link(target.join("current")).unwrap(),
        Path::new("v1/lib")
    );
    assert_eq!(std::fs::read(target.join("current/x")).unwrap(), b"x");

    let mut writer = ::zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
    writer.add_symlink("a", "b", options).unwrap();
    writer.start_file("a/x", options).unwrap();
    writer.finish().unwrap();
    let target = folder.path().join("u");
    std::fs::create_dir(&target).unwrap();
    let error = unpack(&archive, &target).unwrap_err();
    assert!(error.to_string().contains("comes twice"), "{error}");
}

#[test]
fn a_bomb_is_stopped_while_it_unpacks() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("bomb.zip");
    zip(&archive, &[("zeros", 0o644, &vec![0; 64 * 1024 * 1024])]);
    let target = folder.path().join("t");
    std::fs::create_dir(&target).unwrap();
    let error = unpack(&archive, &target).unwrap_err();
    assert!(matches!(error, UnpackError::TooLarge(_)), "{error}");
    assert!(std::fs::metadata(target.join("zeros")).unwrap().len() <= 16 * 1024 * 1024);
}

#[test]
fn modes_keep_the_executable_bit_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.zip");
    zip(&archive, &[("run", 0o4755, b"x"), ("data", 0o666, b"x")]);
    let target = folder.path().join("t");
    std::fs::create_dir(&target).unwrap();
    assert_eq!(unpack(&archive, &target).unwrap(), 2);
    let mode = |name| {
        std::fs::metadata(target.join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!((mode("run"), mode("data")), (0o755, 0o644));
}

#[test]
fn what_is_no_zip_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.zip");
    std::fs::write(&archive, b"PK\x03\x04 not really").unwrap();
    let target = folder.path().join("t");
    std::fs::create_dir(&target).unwrap();
    assert!(matches!(
        unpack(&archive, &target).unwrap_err(),
        UnpackError::Format(_)
    ));
}

#[tokio::test]
async fn an_archive_with_another_digest_is_not_installed() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let key = key(SlotName::Blue);
    let error = supervisor
        .install(&key, &world.archive, &"0".repeat(64))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SupervisorError::Install(InstallError::Digest { .. })),
        "{error}"
    );
    assert!(supervisor.status(&key).is_none());
}
