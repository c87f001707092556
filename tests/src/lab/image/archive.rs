//! The OCI image layout as one tar: layers, configuration, manifest, index, each named by its digest.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType};

use super::Image;
use super::layer::{Layer, header};
use crate::lab::{Error, hex};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A layer that lies in a file until the archive takes it in.
struct Packed {
    file: File,
    digest: String,
    size: u64,
}

/// Writes the archive to `out` and gives the manifest's digest; `scratch` is a folder for what is in the making.
pub(super) fn write(image: &Image, out: &File, scratch: &Path) -> Result<String, Error> {
    let layers = image.layers.iter().map(|layer| pack(layer, scratch)).collect::<Result<Vec<_>, _>>()?;
    let config = config(image, &layers).to_string();
    let manifest = manifest(&config, &layers).to_string();
    let index = index(image, &manifest).to_string();
    let failed = |error| Error::file("write", scratch)(error);
    let mut tar = Builder::new(out);
    text(&mut tar, "oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#).map_err(failed)?;
    text(&mut tar, "index.json", &index).map_err(failed)?;
    for blob in [&config, &manifest] {
        text(&mut tar, &blob_path(&digest(blob.as_bytes())), blob).map_err(failed)?;
    }
    let mut written = Vec::new();
    for layer in layers {
        if written.contains(&layer.digest) {
            continue;
        }
        let mut header = header(EntryType::Regular, 0o644, layer.size);
        tar.append_data(&mut header, blob_path(&layer.digest), layer.file).map_err(failed)?;
        written.push(layer.digest);
    }
    tar.finish().map_err(failed)?;
    Ok(digest(manifest.as_bytes()))
}

fn pack(layer: &Layer, scratch: &Path) -> Result<Packed, Error> {
    let failed = |error| Error::file("write", scratch)(error);
    let file = tempfile::tempfile_in(scratch).map_err(failed)?;
    let mut out = Hashing { inner: io::BufWriter::new(file), hash: Sha256::new(), size: 0 };
    layer.write(&mut out)?;
    let Hashing { inner, hash, size } = out;
    let mut file = inner.into_inner().map_err(|error| failed(error.into_error()))?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(Packed { file, digest: format!("sha256:{}", hex(&hash.finalize())), size })
}

fn config(image: &Image, layers: &[Packed]) -> Value {
    let digests: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    let history: Vec<Value> = layers.iter().map(|_| json!({"created": "1970-01-01T00:00:00Z"})).collect();
    json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "Entrypoint": image.entrypoint,
            "Env": image.environment,
            "User": image.user,
            "WorkingDir": image.folder,
        },
        "rootfs": {"type": "layers", "diff_ids": digests},
        "history": history,
    })
}

fn manifest(config: &str, layers: &[Packed]) -> Value {
    let layer = |layer: &Packed| json!({"mediaType": LAYER, "digest": layer.digest, "size": layer.size});
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest(config.as_bytes()), "size": config.len()},
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    })
}

fn index(image: &Image, manifest: &str) -> Value {
    let tag = image.reference.rsplit(':').next().unwrap_or_default();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{
        "mediaType": MANIFEST,
        "digest": digest(manifest.as_bytes()),
        "size": manifest.len(),
        "platform": {"architecture": architecture(), "os": "linux"},
        // The first names the image for containerd, the second for everyone else.
        "annotations": {
            "io.containerd.image.name": image.reference,
            "org.opencontainers.image.ref.name": tag,
        },
    }]})
}

/// The machine's architecture as images call it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

fn blob_path(digest: &str) -> String {
    digest.replace("sha256:", "blobs/sha256/")
}

fn text(tar: &mut Builder<impl Write>, path: &str, text: &str) -> io::Result<()> {
    let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
    tar.append_data(&mut header(EntryType::Regular, 0o644, size), path, text.as_bytes().take(size))
}

/// Counts and hashes what goes through it.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
