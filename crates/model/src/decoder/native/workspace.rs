//! The buffers of one forward, kept for the next: after the first batches of a size nothing is allocated in the loop.

/// Each as long as the largest batch needed, a row a node; the first rows are those in use.
#[derive(Default)]
pub(super) struct Workspace {
    /// The residual stream, `[nodes, hidden_size]`.
    pub hidden: Vec<f32>,
    /// The same after a norm.
    pub normed: Vec<f32>,
    /// `[nodes, heads · head_dim]`
    pub queries: Vec<f32>,
    /// `[nodes, kv_heads · head_dim]`
    pub keys: Vec<f32>,
    pub values: Vec<f32>,
    /// What attention brought, `[nodes, heads · head_dim]`.
    pub mixed: Vec<f32>,
    /// What a part of the layer adds to the stream, `[nodes, hidden_size]`.
    pub added: Vec<f32>,
    /// `[nodes, intermediate_size]`
    pub gate: Vec<f32>,
    pub up: Vec<f32>,
    /// Cosines and sines, `[nodes, head_dim / 2]`.
    pub global: (Vec<f32>, Vec<f32>),
    pub local: (Vec<f32>, Vec<f32>),
}

impl Workspace {
    /// Moves the rows of `reads` to the front of the stream and of what its norm gave.
    pub(super) fn select(&mut self, reads: &[u32], width: usize) {
        for buffer in [&mut self.hidden, &mut self.normed] {
            let rows = rows(buffer, reads, width);
            sized(buffer, rows.len()).copy_from_slice(&rows);
        }
    }
}

/// Copies of the rows `reads`, each `width` wide.
pub(super) fn rows(buffer: &[f32], reads: &[u32], width: usize) -> Vec<f32> {
    reads.iter().flat_map(|&read| buffer[read as usize * width..][..width].iter().copied()).collect()
}

/// The first `length` values, whatever they hold.
pub(super) fn sized(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}
