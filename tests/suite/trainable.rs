//! Every operation of the decoder has a gradient: the bundled pair is trained by the code that scores with it.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use rewardscope::model::Cancel;
use rewardscope::model::decoder::{Decoder, Nodes, Role};
use rewardscope::model::format::config::{Activation, DecoderConfig, Rope, RopeScaling};

/// A decoder small enough for finite differences; with `gemma`, every choice of Gemma 2 and 3 is on.
fn config(gemma: bool) -> DecoderConfig {
    DecoderConfig {
        hidden_size: 8,
        intermediate_size: 12,
        heads: 4,
        kv_heads: 2,
        head_dim: 4,
        vocab_size: 10,
        activation: if gemma { Activation::GeluTanh } else { Activation::Silu },
        norm_epsilon: 1e-5,
        norm_offset: if gemma { 1.0 } else { 0.0 },
        embedding_scale: gemma.then_some(8f64.sqrt()),
        query_key_norm: gemma,
        post_norms: gemma,
        attention_scale: 0.6,
        attention_softcap: gemma.then_some(2.0),
        query_bias: !gemma,
        output_bias: !gemma,
        mlp_bias: !gemma,
        rope: Rope { theta: 100.0, scaling: RopeScaling::Default },
        local_rope: gemma.then_some(Rope { theta: 10.0, scaling: RopeScaling::Default }),
        windows: if gemma { vec![Some(2), None] } else { vec![None, None] },
        max_positions: 64,
    }
}

/// Two branches behind a common beginning of three tokens.
fn forest() -> (Nodes, Vec<u32>) {
    let mut nodes = Nodes::chain(&[1, 2, 3], 0);
    let a = nodes.push(4, Some(2), 0).unwrap();
    let b = nodes.push(5, Some(2), 0).unwrap();
    let c = nodes.push(6, Some(b), 0).unwrap();
    (nodes, vec![a, c])
}

fn variables(config: &DecoderConfig) -> BTreeMap<String, Var> {
    let mut variables = BTreeMap::new();
    let mut seed = 1u32;
    let mut create = |name: &str, shape: &[usize], _: Role| {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 8) as f32 / (1u32 << 24) as f32 - 0.5
            })
            .collect();
        let variable = Var::from_vec(values, shape, &Device::Cpu)?;
        let tensor = variable.as_tensor().clone();
        variables.insert(name.to_owned(), variable);
        Ok(tensor)
    };
    Decoder::trainable(config, DType::F32, &Device::Cpu, &mut create).unwrap();
    variables
}

/// A number that depends on every weight: a fixed mix of the hidden states read.
fn objective(config: &DecoderConfig, variables: &BTreeMap<String, Var>) -> Tensor {
    let mut fetch = |name: &str, _: &[usize], _: Role| Ok(variables[name].as_tensor().clone());
    let decoder = Decoder::trainable(config, DType::F32, &Device::Cpu, &mut fetch).unwrap();
    let (nodes, reads) = forest();
    let hidden = decoder.forward(&nodes, None, &reads, false, &Cancel::default()).unwrap().hidden;
    let mix = Tensor::arange(0f32, 16f32, &Device::Cpu).unwrap().reshape((2, 8)).unwrap().cos().unwrap();
    (hidden * mix).unwrap().sum_all().unwrap()
}

#[test]
fn gradients_of_every_weight_agree_with_finite_differences() {
    for gemma in [false, true] {
        let config = config(gemma);
        let variables = variables(&config);
        let gradients = objective(&config, &variables).backward().unwrap();
        for (name, variable) in &variables {
            let gradient = gradients.get(variable).unwrap_or_else(|| panic!("{name} has no gradient"));
            // Along the gradient's signs the objective changes by the sum of the gradient's sizes.
            let direction = gradient.sign().unwrap();
            let expected = gradient.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            let before = variable.as_tensor().copy().unwrap();
            let at = |step: f64| {
                variable.set(&(&before + (&direction * step).unwrap()).unwrap()).unwrap();
                objective(&config, &variables).to_scalar::<f32>().unwrap()
            };
            let step = 1e-3;
            let measured = (at(step) - at(-step)) / (2.0 * step as f32);
            variable.set(&before).unwrap();
            assert!(
                (measured - expected).abs() <= 0.02 * expected.abs() + 5e-3,
                "gemma {gemma}, {name}: by gradient {expected}, measured {measured}"
            );
        }
    }
}
