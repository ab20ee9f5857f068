//! The weight matrices of a layer by themselves: what their products reach without anything around them.

use std::time::{Duration, Instant};

use crate::kernels::{Element, Matrix, Stored};
use crate::model::device::Compute;
use crate::model::format::config::DecoderConfig;

/// How long each matrix is multiplied.
const SPAN: Duration = Duration::from_millis(60);

/// How the kernels hold weights that are computed with in a dtype; none for a dtype that others multiply.
pub(super) fn element(dtype: Compute) -> Option<Element> {
    match dtype {
        Compute::F32 => Some(Element::F32),
        Compute::Bf16 => Some(Element::Bf16),
        Compute::F16 => Some(Element::F16),
        Compute::Q8_0 => None,
    }
}

/// Operations a second over all matrices of one layer, on `rows` rows.
pub(super) fn linears(config: &DecoderConfig, rows: usize, element: Element) -> f64 {
    let (mut operations, mut seconds) = (0.0, 0.0);
    for (out, input) in shapes(config) {
        let matrix = filled(out, input, element);
        let x = vec![0.5; rows * input];
        let mut y = vec![0.0; rows * out];
        // Not counted: it brings the matrix and the threads together.
        matrix.multiply(&x, &mut y);
        let (start, mut times) = (Instant::now(), 0);
        while start.elapsed() < SPAN {
            matrix.multiply(&x, &mut y);
            times += 1;
        }
        operations += (2 * rows * out * input) as f64;
        seconds += start.elapsed().as_secs_f64() / f64::from(times);
    }
    operations / seconds
}

/// `[out, input]` of queries, keys, values, output, gate, up and down.
fn shapes(config: &DecoderConfig) -> [(usize, usize); 7] {
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    let (query, key) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
    [(query, hidden), (key, hidden), (key, hidden), (hidden, query), (inner, hidden), (inner, hidden), (hidden, inner)]
}

/// Values that differ, as those of a model do.
fn filled(out: usize, input: usize, element: Element) -> Matrix {
    let mut matrix = Matrix::zeros(out, input, element);
    let value = |i: usize| (i * 37 % 101) as f32 / 101.0 - 0.5;
    for row in 0..out {
        let bytes: Vec<u8> = (0..input).flat_map(|column| value(row + column).to_le_bytes()).collect();
        matrix.fill(row, Stored::F32(&bytes));
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::format::config::ModelConfig;
    use crate::model::format::files::Files;
    use crate::sources::bundled;

    #[test]
    fn the_shapes_are_those_of_the_checkpoint() {
        let files = Files::Bundled { name: "demo-gemma", entries: bundled::bundled("demo-gemma").unwrap() };
        let config = ModelConfig::read(&files).unwrap().decoder;
        let weights = crate::model::format::weights::Weights::open(&files, crate::model::head::is_of_a_head).unwrap();
        let parts = ["self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up", "mlp.down"];
        for (part, (out, input)) in parts.iter().zip(shapes(&config)) {
            let stored = weights.get(&format!("model.layers.0.{part}_proj.weight")).unwrap();
            assert_eq!(stored.shape, [out, input], "{part}");
        }
        assert!(linears(&config, 3, Element::Bf16) > 0.0);
    }
}
