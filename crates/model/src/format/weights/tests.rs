//! Weights out of files that are sound, and out of files that are not.

use super::*;
use crate::head::is_of_a_head;
use safetensors::tensor::TensorView;

fn weights(tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) -> (tempfile::TempDir, Files) {
    let views =
        tensors.iter().map(|(name, dtype, shape, bytes)| (*name, TensorView::new(*dtype, shape.to_vec(), bytes).unwrap()));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    let files = Files::Directory(directory.path().to_owned());
    (directory, files)
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn load(files: &Files, name: &str, shape: &[usize], keep: Keep) -> Result<Tensor, ModelError> {
    let cancel = Cancel::default();
    let mut progress = |_, _| {};
    let meter = Meter::new(&mut progress, &cancel, 0);
    Weights::open(files, is_of_a_head)?.load(name, shape, keep, &Device::Cpu, &meter)
}

#[test]
fn values_keep_their_places_across_chunks() {
    let count = CHUNK / 4 * 2 + 3;
    let values: Vec<f32> = (0..count).map(|i| i as f32).collect();
    let (_kept, files) = weights(&[("a", Dtype::F32, &[count], f32s(&values))]);
    assert_eq!(load(&files, "a", &[count], Keep::AsStored).unwrap().to_vec1::<f32>().unwrap(), values);
}

#[test]
fn the_decoder_is_found_under_any_prefix() {
    for (prefix, head) in [
        ("model.", "score."),
        ("", "score."),
        ("language_model.model.", "language_model.lm_head."),
        ("model.language_model.", "lm_head."),
    ] {
        let one = || (Dtype::F32, &[1][..], f32s(&[1.0]));
        let names = ["embed_tokens.weight", "layers.0.mlp.up_proj.weight", "norm.weight"].map(|name| format!("{prefix}{name}"));
        let names: Vec<String> = names.into_iter().chain([format!("{head}weight"), "vision_tower.norm.weight".into()]).collect();
        let tensors: Vec<_> = names.iter().map(|name| (name.as_str(), one().0, one().1, one().2)).collect();
        let (_kept, files) = weights(&tensors);
        let weights = Weights::open(&files, is_of_a_head).unwrap();
        let head = head.strip_prefix("language_model.").unwrap_or(head);
        for name in ["model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight", "model.norm.weight"] {
            assert!(weights.get(name).is_some(), "{prefix}: {name}");
        }
        assert!(weights.get(&format!("{head}weight")).is_some() && weights.get("vision_tower.norm.weight").is_some());
    }
}

#[test]
fn every_stored_dtype_becomes_the_one_asked_for() {
    let bf16 = vec![0x80, 0x3f, 0x00, 0xc0]; // 1, -2
    let f16 = vec![0x00, 0x3c, 0x00, 0xc0]; // 1, -2
    let f64 = [1f64, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    for (dtype, bytes, stored) in [
        (Dtype::F32, f32s(&[1.0, -2.0]), DType::F32),
        (Dtype::BF16, bf16, DType::BF16),
        (Dtype::F16, f16, DType::F16),
        (Dtype::F64, f64, DType::F32),
    ] {
        let (_kept, files) = weights(&[("a", dtype, &[1, 2], bytes)]);
        assert_eq!(load(&files, "a", &[1, 2], Keep::AsStored).unwrap().dtype(), stored);
        for to in [DType::F32, DType::BF16, DType::F16] {
            let tensor = load(&files, "a", &[1, 2], Keep::As(to)).unwrap();
            assert_eq!(tensor.dtype(), to);
            assert_eq!(tensor.to_dtype(DType::F32).unwrap().to_vec2::<f32>().unwrap(), [[1.0, -2.0]]);
        }
    }
}

#[test]
fn wrong_tensors_are_named_with_what_was_found() {
    let (_kept, files) =
        weights(&[("model.layers.0.w", Dtype::F32, &[1], f32s(&[1.0])), ("v_head.summary.weight", Dtype::I64, &[1], vec![0; 8])]);
    for (name, shape, expected) in [
        ("score.weight", &[1][..], "no tensor score.weight. Found: v_head.summary.weight, tensors of the layers: 1"),
        ("model.layers.0.w", &[2, 3], "model.layers.0.w has shape [1], and config.json asks for [2, 3]"),
        ("v_head.summary.weight", &[1], "v_head.summary.weight is stored as I64"),
    ] {
        let error = load(&files, name, shape, Keep::AsStored).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("model.safetensors"), "{error}");
    }
}

#[test]
fn a_long_list_of_tensors_is_cut_and_counted() {
    let names: Vec<String> = (0..20).map(|i| format!("t{i:02}")).collect();
    let tensors: Vec<_> = names.iter().map(|n| (n.as_str(), Dtype::F32, &[1][..], f32s(&[0.0]))).collect();
    let (_kept, files) = weights(&tensors);
    let error = load(&files, "score.weight", &[1], Keep::AsStored).unwrap_err().to_string();
    assert!(error.contains("t11, 8 more outside the layers") && !error.contains("t12"), "{error}");
}

#[test]
fn damaged_files_are_told_apart() {
    let (kept, files) = weights(&[("a", Dtype::F32, &[8], f32s(&[0.0; 8]))]);
    let path = kept.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for (bytes, expected) in [
        (&whole[..whole.len() - 5], "cut short"),
        (&whole[..whole.len() - 5], "5 B missing"),
        (&whole[..20], "no sound safetensors file of 20 B"),
        (&[], "no sound safetensors file of 0 B"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<html>not found</html>", "no sound safetensors"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = Weights::open(&files, is_of_a_head).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("model.safetensors"), "{error}");
    }
}

#[test]
fn a_cancelled_load_ends_at_the_next_chunk() {
    let (_kept, files) = weights(&[("a", Dtype::F32, &[2], f32s(&[0.0; 2]))]);
    let cancel = Cancel::default();
    cancel.set();
    let mut told = Vec::new();
    let mut progress = |done, total| told.push((done, total));
    let meter = Meter::new(&mut progress, &cancel, 8);
    let result = Weights::open(&files, is_of_a_head).unwrap().load("a", &[2], Keep::AsStored, &Device::Cpu, &meter);
    assert!(matches!(result, Err(ModelError::Cancelled)));
    assert_eq!(told, [(8, 8)]);
}

fn embedding(files: &Files, name: &str, rows: usize, width: usize) -> Embedding {
    let cancel = Cancel::default();
    let mut progress = |_, _| {};
    Weights::open(files, is_of_a_head).unwrap().embedding(name, rows, width, &Meter::new(&mut progress, &cancel, 0)).unwrap()
}

#[test]
fn rows_are_looked_up_where_they_lie_in_any_order() {
    let values: Vec<f32> = (0..15).map(|i| i as f32).collect();
    let halves: Vec<u8> = values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
    // A tensor before it, so that it does not begin where the file's data do.
    let tensors = [("a", Dtype::F32, &[3][..], f32s(&[-1.0; 3])), ("wide", Dtype::F32, &[5, 3], f32s(&values))];
    let (_kept, files) = weights(&[&tensors[..], &[("narrow", Dtype::BF16, &[5, 3], halves)]].concat());
    for name in ["wide", "narrow"] {
        let embedding = embedding(&files, name, 5, 3);
        assert_eq!(embedding.bytes(), 0, "nothing of it is in memory");
        let mut rows = [0.0; 9];
        embedding.rows(&[4, 0, 4], &mut rows).unwrap();
        assert_eq!(rows, [12.0, 13.0, 14.0, 0.0, 1.0, 2.0, 12.0, 13.0, 14.0], "{name}");
        let error = embedding.rows(&[0, 5], &mut rows).unwrap_err().to_string();
        assert!(error.contains("token 5 has no row"), "{error}");
    }
}

#[test]
fn a_file_cut_short_under_an_open_model_is_an_error_and_no_signal() {
    let (kept, files) = weights(&[("a", Dtype::F32, &[64 << 10, 4], f32s(&vec![1.0; 256 << 10]))]);
    let embedding = embedding(&files, "a", 64 << 10, 4);
    let path = kept.path().join("model.safetensors");
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(4096).unwrap();
    let error = embedding.rows(&[60_000], &mut [0.0; 4]).unwrap_err().to_string();
    assert!(error.contains("model.safetensors: cannot be read any more") && error.contains("open the model again"), "{error}");
}
