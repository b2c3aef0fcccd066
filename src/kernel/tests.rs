//! Every kernel against Candle's own operations, in `f64`, over random shapes.
//!
//! The reference runs the same public function on `f64` tensors, which takes the fallback path:
//! so that path is tested too, and it in turn is compared with finite differences.

use super::vector::{FORCED, Level};
use super::*;
use candle_core::Var;

/// A small generator (xorshift), so that failures repeat.
struct Gen(u64);

impl Gen {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn size(&mut self, from: usize, to: usize) -> usize {
        from + (self.next() % (to - from + 1) as u64) as usize
    }

    /// Uniform in -1..1.
    fn number(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// A CPU tensor in `f32`, sometimes laid out with two axes swapped.
    fn tensor(&mut self, shape: &[usize]) -> Tensor {
        let data: Vec<f32> = (0..shape.iter().product()).map(|_| self.number() as f32).collect();
        let last = shape.len() - 1;
        if shape.len() > 1 && self.next().is_multiple_of(3) {
            let mut swapped = shape.to_vec();
            swapped.swap(last, last - 1);
            let t = Tensor::from_vec(data, swapped, &Device::Cpu).unwrap();
            return t.transpose(last, last - 1).unwrap();
        }
        Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
    }
}

type Op<'a> = dyn Fn(&[Tensor]) -> Result<Tensor> + 'a;

fn wide(t: &Tensor) -> Tensor {
    t.to_dtype(DType::F64).unwrap()
}

fn numbers(t: &Tensor) -> Vec<f64> {
    wide(t).flatten_all().unwrap().to_vec1().unwrap()
}

/// The value of `op` and the gradients of `sum(op(inputs) * weights)`, in the type of the inputs.
fn run(op: &Op, inputs: &[Tensor], weights: &Tensor) -> (Tensor, Vec<Tensor>) {
    let vars: Vec<Var> = inputs.iter().map(|t| Var::from_tensor(t).unwrap()).collect();
    // A transposed view of a variable is what a non-contiguous operand looks like in a network.
    let args: Vec<Tensor> = vars
        .iter()
        .zip(inputs)
        .map(|(v, t)| {
            let r = t.rank();
            if t.is_contiguous() || r < 2 {
                return v.as_tensor().clone();
            }
            let turned = v.as_tensor().transpose(r - 1, r - 2).unwrap().contiguous().unwrap();
            turned.transpose(r - 1, r - 2).unwrap()
        })
        .collect();
    let y = op(&args).unwrap();
    let loss = (&y * weights.to_dtype(y.dtype()).unwrap()).unwrap().sum_all().unwrap();
    let grads = loss.backward().unwrap();
    let grads = vars
        .iter()
        .map(|v| grads.get(v).cloned().unwrap_or_else(|| v.zeros_like().unwrap()))
        .collect();
    (y, grads)
}

fn close(what: &str, a: &Tensor, b: &Tensor, tolerance: f64) {
    assert_eq!(a.dims(), b.dims(), "{what}");
    let (a, b) = (numbers(a), numbers(b));
    let scale = b.iter().fold(1f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}, element {i}: {a} and {b}");
    }
}

/// Kernel (`f32`) against fallback (`f64`): values and all gradients to `tolerance`, relative to
/// the largest element.
fn agree(what: &str, g: &mut Gen, op: &Op, inputs: &[Tensor], tolerance: f64) {
    let shape = op(inputs).unwrap().dims().to_vec();
    let weights = if shape.is_empty() {
        Tensor::new(0.7f32, &Device::Cpu).unwrap()
    } else {
        g.tensor(&shape).contiguous().unwrap()
    };
    let (y, grads) = run(op, inputs, &weights);
    let inputs64: Vec<Tensor> = inputs.iter().map(wide).collect();
    let (y64, grads64) = run(op, &inputs64, &weights);
    assert_eq!(y.dtype(), DType::F32);
    close(what, &y, &y64, tolerance);
    for (i, (a, b)) in grads.iter().zip(&grads64).enumerate() {
        close(&format!("{what}, gradient {i}"), a, b, tolerance);
    }
}

/// The gradients of the fallback, in `f64`, against central differences.
fn differentiates(what: &str, g: &mut Gen, op: &Op, inputs: &[Tensor]) {
    const STEP: f64 = 1e-5;
    let inputs: Vec<Tensor> = inputs.iter().map(|t| wide(t).contiguous().unwrap()).collect();
    let shape = op(&inputs).unwrap().dims().to_vec();
    let weights = if shape.is_empty() {
        Tensor::new(1f64, &Device::Cpu).unwrap()
    } else {
        wide(&g.tensor(&shape))
    };
    let (_, grads) = run(op, &inputs, &weights);
    let loss = |inputs: &[Tensor]| {
        let y = (op(inputs).unwrap() * &weights).unwrap().sum_all().unwrap();
        y.to_scalar::<f64>().unwrap()
    };
    for (which, grad) in grads.iter().enumerate() {
        let data = numbers(&inputs[which]);
        let grad = numbers(grad);
        for _ in 0..4 {
            let i = g.size(0, data.len() - 1);
            let at = |by: f64| {
                let mut data = data.clone();
                data[i] += by;
                let mut moved = inputs.clone();
                moved[which] = Tensor::from_vec(data, inputs[which].shape(), &Device::Cpu).unwrap();
                loss(&moved)
            };
            let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let wrong = (slope - grad[i]).abs();
            assert!(wrong <= 1e-6 * slope.abs().max(1.0), "{what} {which}: {slope}, {}", grad[i]);
        }
    }
}

/// The processors that this one can stand in for.
fn levels() -> Vec<Level> {
    let best = Level::detect();
    let all = [
        Level::Portable,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512,
    ];
    let last = all.iter().position(|&l| l == best).unwrap();
    all[..=last].to_vec()
}

#[test]
fn conv2d_agrees_with_candle() {
    let levels = levels();
    let mut g = Gen(1);
    let mut done = 0;
    while done < 250 {
        FORCED.set(Some(levels[done % levels.len()]));
        let groups = [1, 1, 2, 3][g.size(0, 3)];
        let (c, o) = (g.size(1, 4) * groups, g.size(1, 9) * groups);
        let (n, h, w) = (g.size(1, 5), g.size(1, 19), g.size(1, 19));
        let (kh, kw) = (g.size(1, 5), g.size(1, 5));
        let (s, p, d) = (g.size(1, 3), g.size(0, 6), g.size(1, 2));
        if (h + 2 * p).min(w + 2 * p) < d * (kh.max(kw) - 1) + 1 {
            continue;
        }
        let inputs = [g.tensor(&[n, c, h, w]), g.tensor(&[o, c / groups, kh, kw])];
        let what =
            format!("{:?} {:?} s{s} p{p} d{d} g{groups}", inputs[0].dims(), inputs[1].dims());
        let op = |t: &[Tensor]| conv2d(&t[0], &t[1], s, p, d, groups);
        agree(&what, &mut g, &op, &inputs, 1e-5);
        if done % 5 == 0 {
            differentiates(&what, &mut g, &op, &inputs);
        }
        done += 1;
    }
}

#[test]
fn conv2d_of_common_sizes() {
    let mut g = Gen(2);
    for (c, o, size, k, s, p) in [
        (16, 16, 8, 3, 1, 1),
        (3, 40, 32, 3, 1, 1),
        (24, 17, 16, 1, 1, 0),
        (16, 32, 9, 3, 2, 1),
        (8, 8, 28, 5, 1, 2),
        (9, 30, 16, 1, 2, 0),
    ] {
        let inputs = [g.tensor(&[19, c, size, size]), g.tensor(&[o, c, k, k])];
        let op = |t: &[Tensor]| conv2d(&t[0], &t[1], s, p, 1, 1);
        for level in levels() {
            FORCED.set(Some(level));
            agree(&format!("{c} to {o}, {size} px, {k}"), &mut g, &op, &inputs, 1e-5);
            FORCED.set(None);
        }
    }
}

#[test]
fn small_images_agree_with_candle() {
    let levels = levels();
    let mut g = Gen(37);
    let mut done = 0;
    while done < 120 {
        FORCED.set(Some(levels[done % levels.len()]));
        // Whole groups of interleaved images, and a last one with fewer.
        let n = [16, 32, 49, 53][g.size(0, 3)];
        let (c, o, h, w) = (g.size(1, 6), g.size(4, 20), g.size(1, 9), g.size(1, 9));
        let (kh, kw) = (g.size(1, 5), g.size(1, 5));
        let (s, p, d) = (g.size(1, 3), g.size(0, 6), g.size(1, 2));
        if (h + 2 * p).min(w + 2 * p) < d * (kh.max(kw) - 1) + 1 {
            continue;
        }
        let inputs = [g.tensor(&[n, c, h, w]), g.tensor(&[o, c, kh, kw])];
        let what = format!("{:?} {:?} s{s} p{p} d{d}", inputs[0].dims(), inputs[1].dims());
        agree(&what, &mut g, &|t: &[Tensor]| conv2d(&t[0], &t[1], s, p, d, 1), &inputs, 1e-5);
        done += 1;
    }
}

#[test]
fn depthwise_agrees_with_candle() {
    let mut g = Gen(3);
    let mut done = 0;
    while done < 150 {
        let (c, times) = (g.size(2, 5), g.size(1, 3));
        let (n, h, w) = (g.size(1, 3), g.size(1, 20), g.size(1, 40));
        let (kh, kw) = (g.size(1, 5), g.size(1, 5));
        let (s, p, d) = (g.size(1, 3), g.size(0, 4), g.size(1, 2));
        if (h + 2 * p).min(w + 2 * p) < d * (kh.max(kw) - 1) + 1 {
            continue;
        }
        let inputs = [g.tensor(&[n, c, h, w]), g.tensor(&[c * times, 1, kh, kw])];
        let what = format!("{:?} {:?} s{s} p{p} d{d}", inputs[0].dims(), inputs[1].dims());
        let op = |t: &[Tensor]| conv2d(&t[0], &t[1], s, p, d, c);
        agree(&what, &mut g, &op, &inputs, 1e-5);
        done += 1;
    }
}

#[test]
fn conv1d_agrees_with_candle() {
    let levels = levels();
    let mut g = Gen(31);
    let mut done = 0;
    while done < 150 {
        FORCED.set(Some(levels[done % levels.len()]));
        let groups = [1, 1, 2, 3][g.size(0, 3)];
        let (c, o) = (g.size(1, 4) * groups, g.size(1, 9) * groups);
        let (n, l, k) = (g.size(1, 5), g.size(1, 40), g.size(1, 5));
        let (s, p, d) = (g.size(1, 3), g.size(0, 6), g.size(1, 3));
        let causal = done % 3 == 0;
        if l + 2 * p < d * (k - 1) + 1 {
            continue;
        }
        let inputs = [g.tensor(&[n, l, c]), g.tensor(&[o, c / groups, k])];
        let what = format!(
            "{:?} {:?} s{s} p{p} d{d} g{groups} causal {causal}",
            inputs[0].dims(),
            inputs[1].dims()
        );
        let op = |t: &[Tensor]| conv1d(&t[0], &t[1], s, p, causal, d, groups);
        agree(&what, &mut g, &op, &inputs, 1e-5);
        if done % 5 == 0 {
            differentiates(&what, &mut g, &op, &inputs);
        }
        done += 1;
    }
}

#[test]
fn a_causal_convolution_does_not_look_ahead() {
    let mut g = Gen(32);
    let w = g.tensor(&[3, 2, 4]).contiguous().unwrap();
    let x = g.tensor(&[1, 9, 2]).contiguous().unwrap();
    // Position 6 changes: results before it do not.
    let mut values: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
    values[6 * 2] += 1.0;
    let other = Tensor::from_vec(values, (1, 9, 2), &Device::Cpu).unwrap();
    let [a, b] = [x, other].map(|x| numbers(&conv1d(&x, &w, 1, 0, true, 2, 1).unwrap()));
    assert_eq!(a[..6 * 3], b[..6 * 3]);
    assert_ne!(a[6 * 3..], b[6 * 3..]);
}

#[test]
fn bias_agrees_with_candle() {
    let mut g = Gen(33);
    for round in 0..80 {
        let c = g.size(1, 9);
        let shape = match round % 4 {
            0 => vec![g.size(1, 4), c, g.size(1, 9), g.size(1, 9)],
            1 => vec![g.size(1, 4), g.size(1, 9), c],
            _ => vec![g.size(1, 9), c],
        };
        let inputs = [g.tensor(&shape), g.tensor(&[c])];
        let (plain, relu) =
            (|t: &[Tensor]| bias(&t[0], &t[1], false), |t: &[Tensor]| bias(&t[0], &t[1], true));
        agree(&format!("bias {shape:?}"), &mut g, &plain, &inputs, 1e-5);
        agree(&format!("bias and relu {shape:?}"), &mut g, &relu, &inputs, 1e-5);
        differentiates("bias", &mut g, &plain, &inputs);
    }
    assert!(bias(&g.tensor(&[2, 3]), &g.tensor(&[2]), false).is_err());
}

#[test]
fn threads_do_not_change_a_convolution() {
    let mut g = Gen(35);
    for (n, c, o, size, k, s, groups) in [
        (64, 16, 16, 32, 3, 1, 1),
        (37, 8, 24, 28, 5, 2, 4),
        (50, 32, 32, 20, 3, 1, 32),
        (80, 32, 40, 12, 3, 1, 1),
        (100, 32, 40, 12, 3, 2, 1),
    ] {
        let inputs = [g.tensor(&[n, c, size, size]), g.tensor(&[o, c / groups, k, k])];
        let op = |t: &[Tensor]| conv2d(&t[0], &t[1], s, k / 2, 1, groups);
        let weights = g.tensor(op(&inputs).unwrap().dims()).contiguous().unwrap();
        let (y, grads) = run(&op, &inputs, &weights);
        for threads in [2, 3, 7] {
            let (y2, grads2) = Threads::new(threads).unwrap().run(|| run(&op, &inputs, &weights));
            assert!(numbers(&y) == numbers(&y2), "{n} {threads}");
            for (a, b) in grads.iter().zip(&grads2) {
                assert!(numbers(a) == numbers(b), "{n} {threads}");
            }
        }
    }
}

#[test]
fn convolution_is_the_same_twice() {
    let mut g = Gen(4);
    let inputs = [g.tensor(&[9, 5, 11, 11]), g.tensor(&[7, 5, 3, 3])];
    let weights = g.tensor(&[9, 7, 11, 11]);
    let op = |t: &[Tensor]| conv2d(&t[0], &t[1], 1, 1, 1, 1);
    let (y, grads) = run(&op, &inputs, &weights);
    let (z, grads2) = run(&op, &inputs, &weights);
    assert_eq!(numbers(&y), numbers(&z));
    assert_eq!(numbers(&grads[0]), numbers(&grads2[0]));
    assert_eq!(numbers(&grads[1]), numbers(&grads2[1]));
}

#[test]
fn linear_agrees_with_candle() {
    let mut g = Gen(5);
    for round in 0..60 {
        let (i, o) = (g.size(1, 9), g.size(1, 9));
        let mut shape: Vec<usize> = (0..round % 4).map(|_| g.size(1, 5)).collect();
        shape.push(i);
        let inputs = [g.tensor(&shape), g.tensor(&[o, i]), g.tensor(&[o])];
        let with = |t: &[Tensor]| linear(&t[0], &t[1], Some(&t[2]));
        let without = |t: &[Tensor]| linear(&t[0], &t[1], None);
        agree("linear", &mut g, &with, &inputs, 1e-5);
        agree("linear without bias", &mut g, &without, &inputs[..2], 1e-5);
        differentiates("linear", &mut g, &with, &inputs);
    }
    // Whole registers on both sides have a path of their own, block by block.
    for (round, level) in levels().into_iter().cycle().take(24).enumerate() {
        FORCED.set(Some(level));
        let (i, o, rows) = (16 * g.size(1, 4), 16 * g.size(1, 4), g.size(1, 150));
        let inputs = [g.tensor(&[rows, i]), g.tensor(&[o, i]), g.tensor(&[o])];
        let op = |t: &[Tensor]| linear(&t[0], &t[1], (round % 2 == 0).then_some(&t[2]));
        agree(&format!("linear {rows} {i} {o}"), &mut g, &op, &inputs, 1e-5);
    }
    FORCED.set(None);
}

#[test]
fn batch_norm_agrees_with_candle() {
    let mut g = Gen(6);
    for round in 0..90 {
        // Many rows where there are only channels: they are summed in parts.
        let n = if round % 3 == 0 { g.size(2, 100) } else { g.size(2, 6) };
        let c = g.size(1, 20);
        let mut shape = vec![n, c];
        shape.extend((0..round % 3).map(|_| g.size(1, 9)));
        let x = (g.tensor(&shape) * 2.0).unwrap();
        let inputs = [x, g.tensor(&[c]), g.tensor(&[c])];
        let relu = round % 2 == 0;
        let train = |t: &[Tensor]| Ok(batch_norm(&t[0], &t[1], &t[2], 1e-2, relu)?.0);
        agree(&format!("batch norm {shape:?}"), &mut g, &train, &inputs, 2e-5);
        let (mean, var) = (g.tensor(&[c]), g.tensor(&[c]).sqr().unwrap());
        let eval = |t: &[Tensor]| batch_norm_eval(&t[0], &t[1], &t[2], &mean, &var, 1e-2, relu);
        agree(&format!("batch norm eval {shape:?}"), &mut g, &eval, &inputs, 2e-5);
        if !relu {
            differentiates("batch norm", &mut g, &train, &inputs);
            differentiates("batch norm eval", &mut g, &eval, &inputs);
        }
        let (_, m32, v32) = batch_norm(&inputs[0], &inputs[1], &inputs[2], 1e-2, relu).unwrap();
        let w: Vec<Tensor> = inputs.iter().map(wide).collect();
        let (_, m64, v64) = batch_norm(&w[0], &w[1], &w[2], 1e-2, relu).unwrap();
        let (m32, m64, v32, v64) = (numbers(&m32), numbers(&m64), numbers(&v32), numbers(&v64));
        for (a, b) in m32.iter().zip(&m64).chain(v32.iter().zip(&v64)) {
            assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{a} {b}");
        }
    }
}

#[test]
fn batch_norm_does_not_cancel() {
    // A mean of 1000 and a deviation of 0.01: sums of squares in f32 would lose the variance.
    let data: Vec<f32> = (0..2 * 3 * 64).map(|i| 1000.0 + 0.01 * (i % 2) as f32).collect();
    let x = Tensor::from_vec(data, (2, 3, 8, 8), &Device::Cpu).unwrap();
    let (one, zero) =
        (Tensor::ones(3, DType::F32, &Device::Cpu), Tensor::zeros(3, DType::F32, &Device::Cpu));
    let (_, _, var) = batch_norm(&x, &one.unwrap(), &zero.unwrap(), 1e-9, false).unwrap();
    let step = f64::from(1000.01f32 - 1000.0);
    let expected = step * step / 4.0 * 128.0 / 127.0;
    let var = numbers(&var);
    assert!((var[0] - expected).abs() < 1e-3 * expected, "{var:?} {expected}");
}

#[test]
fn pools_agree_with_candle() {
    let mut g = Gen(7);
    let mut done = 0;
    while done < 150 {
        let (n, c, h, w) = (g.size(1, 3), g.size(1, 3), g.size(1, 20), g.size(1, 20));
        let (k, s) = (g.size(1, 5), g.size(1, 4));
        let p = g.size(0, k / 2);
        if h.min(w) + 2 * p < k {
            continue;
        }
        let x = [g.tensor(&[n, c, h, w])];
        let what = format!("{:?} k{k} s{s} p{p}", x[0].dims());
        let (max, avg) =
            (|t: &[Tensor]| max_pool(&t[0], k, s, p), |t: &[Tensor]| avg_pool(&t[0], k, s, p));
        agree(&format!("max {what}"), &mut g, &max, &x, 1e-6);
        agree(&format!("avg {what}"), &mut g, &avg, &x, 1e-6);
        agree("global avg", &mut g, &|t: &[Tensor]| global_avg_pool(&t[0]), &x, 1e-6);
        differentiates(&format!("avg {what}"), &mut g, &avg, &x);
        differentiates(&format!("max {what}"), &mut g, &max, &x);
        done += 1;
    }
}

#[test]
fn pools_of_sequences_agree_with_candle() {
    let mut g = Gen(34);
    let mut done = 0;
    while done < 60 {
        let (n, l, d) = (g.size(1, 3), g.size(1, 20), g.size(1, 9));
        let (k, s) = (g.size(1, 5), g.size(1, 4));
        let p = g.size(0, k / 2);
        if l + 2 * p < k {
            continue;
        }
        let x = [g.tensor(&[n, l, d])];
        let what = format!("{:?} k{k} s{s} p{p}", x[0].dims());
        let (max, avg) =
            (|t: &[Tensor]| max_pool(&t[0], k, s, p), |t: &[Tensor]| avg_pool(&t[0], k, s, p));
        agree(&format!("max {what}"), &mut g, &max, &x, 1e-6);
        agree(&format!("avg {what}"), &mut g, &avg, &x, 1e-6);
        differentiates(&format!("max {what}"), &mut g, &max, &x);
        done += 1;
    }
}

#[test]
fn global_max_pool_gives_ties_to_the_first() {
    let x = Tensor::zeros((1, 2, 3, 3), DType::F32, &Device::Cpu).unwrap();
    let x = Var::from_tensor(&x).unwrap();
    let y = global_max_pool(&x).unwrap();
    assert_eq!(y.dims(), [1, 2]);
    let grads = y.sum_all().unwrap().backward().unwrap();
    let first: Vec<f64> = (0..18).map(|i| f64::from(u8::from(i % 9 == 0))).collect();
    assert_eq!(numbers(grads.get(&x).unwrap()), first);
}

#[test]
fn pools_reach_over_small_planes() {
    let mut g = Gen(36);
    for (size, k) in [([1, 1], 5), ([1, 8], 5), ([2, 2], 7), ([3, 1], 5)] {
        let x = [g.tensor(&[2, 3, size[0], size[1]])];
        let avg = |t: &[Tensor]| avg_pool(&t[0], k, 1, k / 2);
        agree(&format!("{size:?} {k}"), &mut g, &avg, &x, 1e-6);
        differentiates(&format!("{size:?} {k}"), &mut g, &avg, &x);
    }
}

#[test]
fn max_pool_gives_ties_to_the_first_and_keeps_nan() {
    let x =
        Var::from_tensor(&Tensor::zeros((1, 1, 2, 2), DType::F32, &Device::Cpu).unwrap()).unwrap();
    let grads = max_pool(&x, 2, 2, 0).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(numbers(grads.get(&x).unwrap()), [1.0, 0.0, 0.0, 0.0]);
    let x = Tensor::new(&[1f32, f32::NAN, 2.0, 3.0], &Device::Cpu).unwrap();
    for stride in [1, 2] {
        let y = max_pool(&x.reshape((1, 1, 2, 2)).unwrap(), 2, stride, 0).unwrap();
        assert!(numbers(&y)[0].is_nan());
    }
}

#[test]
fn cross_entropy_agrees_with_candle() {
    let mut g = Gen(8);
    for round in 0..60 {
        let (n, k) = (g.size(1, 9), g.size(1, 9));
        let logits = [(g.tensor(&[n, k]) * 9.0).unwrap()];
        let labels: Vec<u32> = (0..n).map(|_| g.size(0, k - 1) as u32).collect();
        let targets = Tensor::new(labels, &Device::Cpu).unwrap();
        let e = [0.0, 0.1, 1.0][round % 3];
        let op = |t: &[Tensor]| cross_entropy(&t[0], &targets, e);
        agree("cross entropy", &mut g, &op, &logits, 1e-6);
        differentiates("cross entropy", &mut g, &op, &logits);
        if e == 0.0 {
            let theirs = candle_nn::loss::cross_entropy(&wide(&logits[0]), &targets).unwrap();
            close("candle's", &op(&logits).unwrap(), &theirs, 1e-6);
        }
    }
    let far = Tensor::new(&[[1e30f32, -1e30]], &Device::Cpu).unwrap();
    let loss = cross_entropy(&far, &Tensor::new(&[0u32], &Device::Cpu).unwrap(), 0.0).unwrap();
    assert_eq!(loss.to_scalar::<f32>().unwrap(), 0.0);
}

#[test]
fn activations_agree_with_candle() {
    let mut g = Gen(9);
    type Named = (&'static str, fn(&Tensor) -> Result<Tensor>);
    let all: [Named; 7] = [
        ("relu", relu),
        ("gelu", gelu),
        ("silu", silu),
        ("tanh", tanh),
        ("sigmoid", sigmoid),
        ("leaky relu", leaky_relu),
        ("elu", elu),
    ];
    for (name, f) in all {
        for round in 0..20 {
            let scale = [0.1, 1.0, 5.0, 60.0][round % 4];
            let shape = [g.size(1, 9), g.size(1, 9)];
            let x = [(g.tensor(&shape) * scale).unwrap()];
            agree(name, &mut g, &|t: &[Tensor]| f(&t[0]), &x, 2e-6);
        }
        let nan = Tensor::full(f32::NAN, 9, &Device::Cpu).unwrap();
        assert!(numbers(&f(&nan).unwrap()).iter().all(|v| v.is_nan()), "{name} hides NaN");
        let ends = Tensor::new(&[f32::NEG_INFINITY, f32::INFINITY, -1e30, 1e30], &Device::Cpu);
        let y = numbers(&f(&ends.unwrap()).unwrap());
        assert!(y[1] >= 1.0 && y[3] >= 1.0, "{name} {y:?}");
    }
}

#[test]
fn optimisers_agree_with_their_formulas() {
    let mut g = Gen(10);
    for (round, dtype) in [DType::F32, DType::F64].into_iter().cycle().take(24).enumerate() {
        let shape = [g.size(1, 9), g.size(1, 9)];
        let start = g.tensor(&shape).contiguous().unwrap().to_dtype(dtype).unwrap();
        let make = |t: &Tensor| Var::from_tensor(&t.copy().unwrap()).unwrap();
        let zero = start.zeros_like().unwrap();
        let (w, buf) = (make(&start), make(&zero));
        let (w2, m, v) = (make(&start), make(&zero), make(&zero));
        let (lr, wd, mom) = (0.1, 0.01, [0.9, 0.0][round / 2 % 2]);
        let nesterov = round % 3 == 0 && mom > 0.0;
        let mut a: Vec<[f64; 2]> = numbers(&start).into_iter().map(|w| [w, 0.0]).collect();
        let mut b: Vec<[f64; 3]> = numbers(&start).into_iter().map(|w| [w, 0.0, 0.0]).collect();
        for step in 1..6 {
            let grad = g.tensor(&shape).to_dtype(dtype).unwrap();
            sgd_step(&w, &grad, &buf, lr, mom, wd, nesterov).unwrap();
            adamw_step(&w2, &grad, &m, &v, step, lr, 0.9, 0.999, 1e-8, wd).unwrap();
            for ((a, b), g) in a.iter_mut().zip(&mut b).zip(numbers(&grad)) {
                let d = g + wd * a[0];
                a[1] = mom * a[1] + d;
                a[0] -= lr * if nesterov { d + mom * a[1] } else { a[1] };
                let t = step as i32;
                b[0] -= lr * wd * b[0];
                b[1] = 0.9 * b[1] + 0.1 * g;
                b[2] = 0.999 * b[2] + 0.001 * g * g;
                let below = (b[2] / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8;
                b[0] -= lr * b[1] / (1.0 - 0.9f64.powi(t)) / below;
            }
        }
        for (x, y) in numbers(&w).iter().zip(a.iter()) {
            assert!((x - y[0]).abs() < 1e-5, "sgd {x} {y:?}");
        }
        for (x, y) in numbers(&w2).iter().zip(b.iter()) {
            assert!((x - y[0]).abs() < 1e-5, "adamw {x} {y:?}");
        }
    }
}

#[test]
fn misfits_are_errors_that_name_the_shapes() {
    let t = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let x = t(&[2, 4, 5, 5]);
    let ends = Ends::new(vec![1]);
    let failures = [
        conv2d(&x, &t(&[4, 4, 7, 7]), 1, 0, 1, 1),
        conv2d(&x, &t(&[4, 4, 3, 3]), 0, 0, 1, 1),
        conv2d(&x, &t(&[4, 4, 3, 3]), 1, 0, 1, 3),
        conv2d(&x, &t(&[4, 3, 3, 3]), 1, 0, 1, 1),
        linear(&x, &t(&[3, 4]), None),
        linear(&x, &t(&[3, 5]), Some(&t(&[4]))),
        batch_norm_eval(&x, &t(&[3]), &t(&[4]), &t(&[4]), &t(&[4]), 1e-5, false),
        batch_norm(&t(&[1, 4]), &t(&[4]), &t(&[4]), 1e-5, false).map(|r| r.0),
        max_pool(&x, 6, 1, 0),
        avg_pool(&x, 2, 0, 0),
        max_pool(&x, 2, 1, 2),
        global_avg_pool(&t(&[2, 3, 0, 4])),
        recurrent(Cell::Lstm, &t(&[2, 3, 4]), &t(&[20, 8]), &t(&[2, 20]), false, None),
        recurrent(Cell::Gru, &t(&[2, 3, 4]), &t(&[20, 9]), &t(&[2, 20]), false, None),
        recurrent(Cell::Rnn, &t(&[2, 3, 4]), &t(&[5, 9]), &t(&[5]), false, None),
        recurrent(Cell::Rnn, &t(&[2, 3]), &t(&[5, 9]), &t(&[2, 5]), false, None),
        recurrent(Cell::Rnn, &t(&[2, 3, 4]), &t(&[5, 9]), &t(&[2, 5]), false, Some(&ends)),
        cross_entropy(&t(&[2, 3]), &Tensor::new(&[0u32, 3], &Device::Cpu).unwrap(), 0.0),
        cross_entropy(&t(&[2, 3]), &Tensor::new(&[0u32], &Device::Cpu).unwrap(), 0.0),
        cross_entropy(&t(&[1, 3]), &Tensor::new(&[0u32], &Device::Cpu).unwrap(), 1.5),
        add(&x, &t(&[2, 4])),
        add(&t(&[5]), &x),
        mul(&x, &t(&[5, 5])),
        layer_norm(&x, &t(&[4]), &t(&[4]), 1e-5),
        layer_norm(&x, &t(&[5]), &t(&[4]), 1e-5),
        group_norm(&x, &t(&[4]), &t(&[4]), 3, 1e-5),
        group_norm(&x, &t(&[4]), &t(&[4]), 0, 1e-5),
        group_norm(&x, &t(&[5]), &t(&[5]), 1, 1e-5),
        attention(&t(&[2, 3, 10]), 2, false, None),
        attention(&t(&[2, 3, 12]), 0, false, None),
        attention(&t(&[2, 12]), 2, false, None),
        attention(&t(&[2, 3, 12]), 2, false, Some(&[3])),
        attention(&t(&[2, 3, 12]), 2, false, Some(&[3, 4])),
    ];
    for (i, failure) in failures.into_iter().enumerate() {
        assert!(failure.is_err(), "case {i}");
    }
    let (var, wrong) = (Var::from_tensor(&x).unwrap(), t(&[3]));
    assert!(sgd_step(&var, &wrong, &var, 0.1, 0.9, 0.0, false).is_err());
    assert!(adamw_step(&var, &x, &var, &var, 0, 0.1, 0.9, 0.999, 1e-8, 0.0).is_err());
}

#[test]
fn an_empty_batch_passes_through() {
    let t = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let x = t(&[0, 4, 5, 5]);
    assert_eq!(conv2d(&x, &t(&[3, 4, 3, 3]), 1, 1, 1, 1).unwrap().dims(), [0, 3, 5, 5]);
    assert_eq!(linear(&t(&[0, 4]), &t(&[3, 4]), Some(&t(&[3]))).unwrap().dims(), [0, 3]);
    assert_eq!(max_pool(&x, 2, 2, 0).unwrap().dims(), [0, 4, 2, 2]);
    assert_eq!(global_avg_pool(&x).unwrap().dims(), [0, 4]);
    assert_eq!(relu(&x).unwrap().dims(), [0, 4, 5, 5]);
    assert_eq!(layer_norm(&x, &t(&[5]), &t(&[5]), 1e-5).unwrap().dims(), [0, 4, 5, 5]);
    assert_eq!(group_norm(&x, &t(&[4]), &t(&[4]), 2, 1e-5).unwrap().dims(), [0, 4, 5, 5]);
    assert_eq!(attention(&t(&[0, 4, 6]), 2, true, None).unwrap().dims(), [0, 4, 2]);
    assert_eq!(mul(&x, &t(&[0, 4])).unwrap().dims(), [0, 4, 5, 5]);
    assert_eq!(add(&x, &t(&[5])).unwrap().dims(), [0, 4, 5, 5]);
    let inputs = [t(&[0, 3, 4]), t(&[15, 9]), t(&[2, 15])];
    let op = |t: &[Tensor]| recurrent(Cell::Gru, &t[0], &t[1], &t[2], false, None);
    let (y, grads) = run(&op, &inputs, &t(&[0, 3, 5]));
    assert_eq!(y.dims(), [0, 3, 5]);
    assert_eq!(grads[1].dims(), [15, 9]);
}

#[test]
fn recurrent_layers_agree_with_candle() {
    let levels = levels();
    let mut g = Gen(11);
    for round in 0..150 {
        FORCED.set(Some(levels[round % levels.len()]));
        let cell = [Cell::Rnn, Cell::Lstm, Cell::Gru][round / 3 % 3];
        let (n, l) = ([1, 2, 7, 20][g.size(0, 3)], g.size(1, 9));
        let (d, h) = (g.size(1, 20), g.size(1, 40));
        let rows = cell.gates() * h;
        let inputs = [g.tensor(&[n, l, d]), g.tensor(&[rows, d + h]), g.tensor(&[2, rows])];
        let (reverse, padded) = (g.size(0, 1) == 1, g.size(0, 1) == 1);
        let ends = Ends::new((0..n).map(|_| g.size(1, l) as u32).collect());
        let ends = padded.then_some(&ends);
        let what = format!("{cell:?} {n} {l} {d} {h}, reverse {reverse}, {ends:?}");
        // Sums of a hundred products saturate the gates; smaller weights tell more.
        let op = |t: &[Tensor]| recurrent(cell, &t[0], &(&t[1] * 0.3)?, &t[2], reverse, ends);
        agree(&what, &mut g, &op, &inputs, 1e-5);
        if round % 3 == 0 {
            differentiates(&what, &mut g, &op, &inputs);
        }
    }
}

#[test]
fn recurrent_layers_of_common_sizes() {
    let mut g = Gen(12);
    for cell in [Cell::Rnn, Cell::Lstm, Cell::Gru] {
        let rows = cell.gates() * 64;
        let inputs = [g.tensor(&[64, 40, 1]), g.tensor(&[rows, 65]), g.tensor(&[2, rows])];
        let op = |t: &[Tensor]| recurrent(cell, &t[0], &(&t[1] * 0.125)?, &t[2], false, None);
        for level in levels() {
            FORCED.set(Some(level));
            agree(&format!("{cell:?} {level:?}"), &mut g, &op, &inputs, 1e-5);
        }
    }
}

/// The numbers of PyTorch 2.15's modules, produced by:
///
/// ```text
/// import torch
/// def fill(*shape, by=0.37):
///     n = 1
///     for s in shape: n *= s
///     return torch.sin(by * torch.arange(n, dtype=torch.float64)).reshape(shape)
/// for kind, g in [("RNN", 1), ("LSTM", 4), ("GRU", 3)]:
///     m = getattr(torch.nn, kind)(2, 3, batch_first=True).double()
///     w, b = fill(g * 3, 5), fill(2, g * 3, by=0.61)
///     for p, v in zip(m.parameters(), [w[:, :2], w[:, 2:], b[0], b[1]]): p.data = v.clone()
///     x = fill(2, 3, 2, by=0.53).requires_grad_()
///     y, _ = m(x)
///     (y * fill(2, 3, 3, by=0.29)).sum().backward()
///     dw = torch.cat([m.weight_ih_l0.grad, m.weight_hh_l0.grad], 1)
///     db = torch.stack([m.bias_ih_l0.grad, m.bias_hh_l0.grad])
///     for t in [y, x.grad, dw, db]:
///         print([round(v, 6) for v in t.flatten().tolist()])
/// ```
#[test]
fn recurrent_layers_agree_with_pytorch() {
    #[rustfmt::skip]
    let modules: [(Cell, [&[f64]; 4]); 3] = [
        (Cell::Rnn, [
            &[
                0.817556, 0.924768, 0.555154, 0.99706, 0.997515, -0.984785,
                0.938144, 0.99729, -0.703044, 0.648056, 0.636702, 0.901823,
                0.986903, -0.146197, 0.234426, 0.918012, 0.474897, 0.668381,
            ],
            &[
                -0.157019, -0.264804, -0.009338, -0.015204, -0.19154, -0.249897,
                0.242524, 0.313481, -0.145053, -0.015803, -0.456305, -0.23594,
            ],
            &[
                0.219131, -0.066306, -0.03026, 0.136807, -0.156657, 0.919208,
                0.526595, -0.958675, -0.079496, -0.467718, 1.048452, 0.889486,
                -0.337102, 0.281081, -0.746016,
            ],
            &[
                0.320551, -0.760601, -0.027208, 0.320551, -0.760601, -0.027208,
            ],
        ]),
        (Cell::Lstm, [
            &[
                -0.16906, -0.416714, -0.482438, -0.153044, -0.34404, -0.181569,
                -0.208623, -0.441019, -0.285118, -0.239087, -0.398326, -0.478729,
                -0.198565, -0.245989, -0.2575, -0.169842, -0.350129, -0.420903,
            ],
            &[
                0.17543, 0.149046, 0.663401, 0.450231, 0.552757, 0.376861,
                0.086433, 0.089504, 0.266858, 0.238944, 0.601176, 0.589,
            ],
            &[
                -0.013274, -0.01646, 0.020102, 0.04135, 0.044363, -0.119162,
                -0.08237, -0.028107, -0.038413, -0.043064, -0.004508, -0.031284,
                -0.000935, -0.002239, -0.00791, -0.082456, -0.073105, -0.003212,
                0.001768, -0.002266, -0.051799, -0.038376, -0.006019, -0.005275,
                -0.007265, -0.179578, -0.177482, 0.01921, 0.055392, 0.058196,
                0.408402, 0.296148, 0.09964, 0.135495, 0.149567, 0.011556,
                0.020069, -0.001408, -0.003916, -0.003915, 1.005638, 1.003484,
                -0.186426, -0.445904, -0.416813, -0.249508, -0.162387, 0.035397,
                0.090415, 0.072795, -0.479266, -0.355289, 0.026964, 0.099788,
                0.07241, -0.313898, -0.241826, -0.069216, -0.093993, -0.108697,
            ],
            &[
                -0.104065, 0.099689, -0.067004, 0.001864, 0.024731, -0.12696,
                -0.496521, 0.037438, 1.302428, -0.328896, -0.289483, 0.316999,
                -0.104065, 0.099689, -0.067004, 0.001864, 0.024731, -0.12696,
                -0.496521, 0.037438, 1.302428, -0.328896, -0.289483, 0.316999,
            ],
        ]),
        (Cell::Gru, [
            &[
                -0.111091, -0.068583, -0.274153, -0.401484, -0.087261, -0.257048,
                -0.555238, -0.152211, -0.313903, 0.011374, -0.228218, -0.266109,
                0.075807, -0.683257, -0.417034, 0.144468, -0.837025, -0.502654,
            ],
            &[
                0.197248, 0.123285, 0.136062, 0.176291, 0.028852, 0.048258,
                -0.008764, 0.067793, -0.232168, -0.171967, -0.05731, -0.04207,
            ],
            &[
                0.009509, 0.012286, -0.002232, 0.002027, -1.6e-05, -0.023239,
                -0.022459, 0.003491, -0.009142, -0.00418, -0.060614, -0.077878,
                0.011227, 0.004885, 0.018747, 0.238607, 0.302977, -0.07071,
                -0.084401, -0.150901, 0.290148, 0.346348, -0.032012, 0.080513,
                0.053565, 0.244237, 0.525323, -0.01864, 0.08973, 0.076701,
                0.134469, 0.188602, -0.005694, 0.00528, -0.000405, 0.144307,
                0.196992, -0.016459, 0.005849, -0.011932, 0.411648, 0.514155,
                -0.055587, -0.017134, -0.078149,
            ],
            &[
                0.004274, -0.000423, -0.093495, 0.647548, -0.046484, -0.088736,
                0.01048, 0.133157, 0.591109, 0.004274, -0.000423, -0.093495,
                0.647548, -0.046484, -0.088736, 0.022327, 0.140585, 0.390107,
            ],
        ]),
    ];
    let fill = |shape: &[usize], by: f64| {
        let data = (0..shape.iter().product()).map(|i: usize| (by * i as f64).sin() as f32);
        Tensor::from_vec(data.collect(), shape, &Device::Cpu).unwrap()
    };
    for (cell, expected) in modules {
        let rows = 3 * cell.gates();
        let inputs = [fill(&[2, 3, 2], 0.53), fill(&[rows, 5], 0.37), fill(&[2, rows], 0.61)];
        let op = |t: &[Tensor]| recurrent(cell, &t[0], &t[1], &t[2], false, None);
        let (y, grads) = run(&op, &inputs, &fill(&[2, 3, 3], 0.29));
        for (given, expected) in std::iter::once(&y).chain(&grads).zip(expected) {
            let given = numbers(given);
            assert_eq!(given.len(), expected.len());
            for (a, b) in given.iter().zip(expected) {
                assert!((a - b).abs() < 2e-6, "{cell:?}: {a} {b}");
            }
        }
    }
}

const FUNCTIONS: [Function; 4] =
    [Function::Tanh, Function::Relu, Function::Sigmoid, Function::Identity];

#[test]
fn the_cell_of_darts_agrees_with_candle() {
    let levels = levels();
    let mut g = Gen(31);
    for round in 0..100 {
        FORCED.set(Some(levels[round % levels.len()]));
        let (n, l) = ([1, 2, 7, 20][g.size(0, 3)], g.size(1, 6));
        let (d, h, s) = (g.size(1, 20), g.size(1, 40), g.size(1, 8));
        let steps: Vec<Step> = (0..s).map(|i| (g.size(0, i), FUNCTIONS[g.size(0, 3)])).collect();
        let inputs = [g.tensor(&[n, l, d]), g.tensor(&[d + h, 2 * h]), g.tensor(&[s, h, 2 * h])];
        let ends = Ends::new((0..n).map(|_| g.size(1, l) as u32).collect());
        let ends = (g.size(0, 1) == 1).then_some(&ends);
        let what = format!("{n} {l} {d} {h} {steps:?}, {ends:?}");
        // ReLU and identity would grow without bound in 40 units.
        let op = |t: &[Tensor]| darts_rnn(&t[0], &(&t[1] * 0.3)?, &(&t[2] * 0.2)?, &steps, ends);
        agree(&what, &mut g, &op, &inputs, 1e-5);
        if round % 3 == 0 {
            // A kink of ReLU within the step of a difference would have a slope of its own.
            let smooth: Vec<Step> = steps
                .iter()
                .map(|&(p, f)| (p, if f == Function::Relu { Function::Tanh } else { f }))
                .collect();
            let op =
                |t: &[Tensor]| darts_rnn(&t[0], &(&t[1] * 0.3)?, &(&t[2] * 0.2)?, &smooth, ends);
            differentiates(&what, &mut g, &op, &inputs);
        }
    }
}

/// The numbers of PyTorch 2.15, produced by:
///
/// ```text
/// import torch
/// def fill(*shape, by=0.37):
///     n = 1
///     for s in shape: n *= s
///     values = torch.sin(by * torch.arange(n, dtype=torch.float64))
///     return values.reshape(shape).requires_grad_()
/// f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda v: v}
/// steps = [("sigmoid", 0), ("relu", 1), ("relu", 1), ("identity", 1), ("tanh", 2),
///          ("sigmoid", 5), ("tanh", 3), ("relu", 5)]
/// x, w0, w = fill(2, 3, 2, by=0.53), fill(5, 6), fill(8, 3, 6, by=0.61)
/// h, ys = torch.zeros(2, 3, dtype=torch.float64), []
/// for t in range(3):
///     c, g = torch.split(torch.cat([x[:, t], h], -1) @ w0, 3, dim=-1)
///     states = [h + c.sigmoid() * (g.tanh() - h)]
///     for i, (name, pred) in enumerate(steps):
///         s = states[pred]
///         c, g = torch.split(s @ w[i], 3, dim=-1)
///         states.append(s + c.sigmoid() * (f[name](g) - s))
///     h = torch.stack(states[1:]).mean(0)
///     ys.append(h)
/// y = torch.stack(ys, 1)
/// (y * fill(2, 3, 3, by=0.29)).sum().backward()
/// for t in [y, x.grad, w0.grad, w.grad[0], w.grad[1], w.grad[7]]:
///     print([round(v, 6) for v in t.flatten().tolist()])
/// ```
#[test]
fn the_cell_of_darts_agrees_with_pytorch() {
    use Function::*;
    let steps = [
        (0, Sigmoid),
        (1, Relu),
        (1, Relu),
        (1, Identity),
        (2, Tanh),
        (5, Sigmoid),
        (3, Tanh),
        (5, Relu),
    ];
    #[rustfmt::skip]
    let expected: [&[f64]; 6] = [
        &[
            0.125613, 0.108551, 0.101108, 0.241673, 0.21285, 0.170581,
            0.256646, 0.246196, 0.223534, 0.160921, 0.171779, 0.185431,
            0.137362, 0.148022, 0.166903, 0.106221, 0.114458, 0.131477,
        ],
        &[
            0.125682, -0.082969, 0.393659, -0.187785, 0.25747, -0.098103,
            0.032175, -0.006634, -0.127744, 0.122269, -0.163018, 0.176471,
        ],
        &[
            -0.051139, 0.015469, -0.063495, 0.430315, 0.024516, 0.45625,
            -0.03378, 0.00957, -0.053648, 0.373036, 0.03957, 0.436318,
            0.028074, -0.000836, 0.013921, 0.03283, 0.011716, 0.019312,
            0.028027, -0.001101, 0.014542, 0.02372, 0.010871, 0.010382,
            0.028668, -0.001477, 0.015528, 0.013509, 0.0102, 0.000658,
        ],
        &[
            0.030357, 0.016875, 0.050752, 0.060866, 0.033213, 0.07717,
            0.020775, 0.007211, 0.027984, 0.046911, 0.021957, 0.052191,
            0.007679, -0.003326, 0.00022, 0.025453, 0.007373, 0.018314,
        ],
        &[
            -0.029153, -0.007634, 0.000364, 0.122304, 0.081578, 0.00623,
            -0.026186, -0.006677, 0.000595, 0.099942, 0.064262, 4.8e-05,
            -0.021408, -0.005243, 0.000957, 0.064165, 0.041403, -0.009036,
        ],
        &[
            -0.003092, -0.002941, -0.000907, 0.0, 0.0, 0.0,
            -0.002414, -0.002287, -0.000696, 0.0, 0.0, 0.0,
            -0.001266, -0.001202, -0.000344, 0.0, 0.0, 0.0,
        ],
    ];
    let fill = |shape: &[usize], by: f64| {
        let data = (0..shape.iter().product()).map(|i: usize| (by * i as f64).sin() as f32);
        Tensor::from_vec(data.collect(), shape, &Device::Cpu).unwrap()
    };
    let inputs = [fill(&[2, 3, 2], 0.53), fill(&[5, 6], 0.37), fill(&[8, 3, 6], 0.61)];
    let op = |t: &[Tensor]| darts_rnn(&t[0], &t[1], &t[2], &steps, None);
    let (y, grads) = run(&op, &inputs, &fill(&[2, 3, 3], 0.29));
    let of = |i: usize| grads[2].get(i).unwrap();
    let given = [y, grads[0].clone(), grads[1].clone(), of(0), of(1), of(7)];
    for (given, expected) in given.iter().zip(expected) {
        let given = numbers(given);
        assert_eq!(given.len(), expected.len());
        for (a, b) in given.iter().zip(expected) {
            assert!((a - b).abs() < 2e-6, "{a} {b}");
        }
    }
}

/// Terms with a column each, except in a step that is fixed, and how many columns there are.
fn relaxed(g: &mut Gen, s: usize, functions: &[Function]) -> (Vec<Vec<Term>>, usize) {
    let mut columns = 0;
    let steps = (0..s).map(|i| {
        if g.size(0, 5) == 0 {
            let function = functions[g.size(0, functions.len() - 1)];
            return vec![Term { from: g.size(0, i), function, column: None }];
        }
        // All of them, or, as in a step of GDAS, one function of some edges.
        let (all, mut terms) = (g.size(0, 1) == 0, vec![]);
        for from in 0..=i {
            let drawn = g.size(0, functions.len());
            for (f, &function) in functions.iter().enumerate() {
                if all || f == drawn {
                    terms.push(Term { from, function, column: Some(columns) });
                }
                columns += 1;
            }
        }
        terms
    });
    let steps = steps.collect();
    (steps, columns.max(1))
}

#[test]
fn the_relaxed_cell_of_darts_agrees_with_candle() {
    let mut g = Gen(37);
    for round in 0..40 {
        let (n, l) = ([1, 2, 5][g.size(0, 2)], g.size(1, 4));
        let (d, h, s) = (g.size(1, 5), g.size(1, 7), g.size(1, 4));
        let smooth = [Function::Tanh, Function::Sigmoid, Function::Identity];
        let functions = if round % 2 == 0 { &FUNCTIONS[..] } else { &smooth[..] };
        let (steps, columns) = relaxed(&mut g, s, functions);
        let weights = (g.tensor(&[columns]) * 0.5).unwrap();
        let inputs =
            [g.tensor(&[n, l, d]), g.tensor(&[d + h, 2 * h]), g.tensor(&[s, h, 2 * h]), weights];
        let ends = Ends::new((0..n).map(|_| g.size(1, l) as u32).collect());
        let ends = (g.size(0, 1) == 1).then_some(&ends);
        let how = (round % 3 > 0, round % 4 < 3);
        let what = format!("{round}: {n} {l} {d} {h} {steps:?}, {ends:?}");
        let op = |t: &[Tensor]| {
            let (w0, w) = ((&t[1] * 0.3)?, (&t[2] * 0.2)?);
            mixed_rnn(&t[0], [&w0, &w, &t[3]], &steps, how, ends)
        };
        match how {
            (false, true) => agree(&what, &mut g, &op, &inputs, 2e-5),
            // Rows that are nearly the same are normalised to what their last digits say.
            (true, true) => agree(&what, &mut g, &op, &inputs, 2e-3),
            // In evaluation there is no backward pass on a CPU.
            (_, false) => {
                let wide: Vec<Tensor> = inputs.iter().map(wide).collect();
                close(&what, &op(&inputs).unwrap(), &op(&wide).unwrap(), 2e-4);
            }
        }
        if round % 2 == 1 && !how.0 {
            differentiates(&what, &mut g, &op, &inputs);
        }
    }
}

/// With one option of each step it is the cell that is derived.
#[test]
fn the_relaxed_cell_of_darts_is_the_derived_one_where_one_option_counts() {
    let mut g = Gen(41);
    for round in 0..20 {
        let (n, l, d, h, s) = ([1, 2, 7][g.size(0, 2)], g.size(1, 5), 3, 6, 8);
        let steps: Vec<Step> = (0..s).map(|i| (g.size(0, i), FUNCTIONS[g.size(0, 3)])).collect();
        let terms: Vec<Vec<Term>> = (steps.iter().enumerate())
            .map(|(i, &(from, function))| vec![Term { from, function, column: Some(2 * i) }])
            .collect();
        let inputs = [g.tensor(&[n, l, d]), g.tensor(&[d + h, 2 * h]), g.tensor(&[s, h, 2 * h])];
        let ends = Ends::new((0..n).map(|_| g.size(1, l) as u32).collect());
        let ends = (round % 2 == 1).then_some(&ends);
        let weights = g.tensor(&[n, l, h]).contiguous().unwrap();
        let ones = Tensor::ones(2 * s, DType::F32, &Device::Cpu).unwrap();
        let mixed =
            |t: &[Tensor]| mixed_rnn(&t[0], [&t[1], &t[2], &ones], &terms, (false, true), ends);
        let derived = |t: &[Tensor]| darts_rnn(&t[0], &t[1], &t[2], &steps, ends);
        let ((y, grads), (expected, slopes)) =
            (run(&mixed, &inputs, &weights), run(&derived, &inputs, &weights));
        close("value", &y, &expected, 1e-5);
        for (i, (a, b)) in grads.iter().zip(&slopes).enumerate() {
            close(&format!("gradient {i}"), a, b, 2e-5);
        }
    }
}

/// A state that nothing leads to is zero; statistics are those of sequences that have not ended.
#[test]
fn the_relaxed_cell_of_darts_at_its_edges() {
    let mut g = Gen(43);
    let (n, l, d, h, s) = (4, 3, 2, 5, 2);
    let (x, w0, w) = (g.tensor(&[n, l, d]), g.tensor(&[d + h, 2 * h]), g.tensor(&[s, h, 2 * h]));
    let none = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
    let nothing = vec![vec![]; s];
    let y = mixed_rnn(&x, [&w0, &w, &none], &nothing, (true, true), None).unwrap();
    assert!(numbers(&y).iter().all(|&v| v == 0.0));
    // What stands behind the end of a sequence is not seen.
    let terms = vec![vec![Term { from: 0, function: Function::Tanh, column: None }]; s];
    let ends = Ends::new(vec![3, 1, 2, 1]);
    let of = |x: &Tensor| {
        let y = mixed_rnn(x, [&w0, &w, &none], &terms, (true, true), Some(&ends)).unwrap();
        y.to_vec3::<f32>().unwrap()
    };
    let mut other = x.contiguous().unwrap().to_vec3::<f32>().unwrap();
    for (row, &end) in other.iter_mut().zip(ends.iter()) {
        row[end as usize..].iter_mut().flatten().for_each(|v| *v = 9.0);
    }
    let y = of(&x);
    assert_eq!(y, of(&Tensor::new(other, &Device::Cpu).unwrap()));
    // Of two sequences, the mean of every state is 0; one alone is not normalised.
    for (a, b) in y[0][1].iter().zip(&y[2][1]) {
        assert!((a + b).abs() < 1e-5, "{a} {b}");
    }
    assert!(y[0][2].iter().any(|&v| v != 0.0) && y[2][2].iter().all(|&v| v == 0.0));
    // A long sequence fits the stack of a test's thread.
    let x = g.tensor(&[2, 3_000, d]);
    let long = |t: &[Tensor]| mixed_rnn(&t[0], [&t[1], &t[2], &none], &terms, (false, true), None);
    let weights = Tensor::ones((2, 3_000, h), DType::F32, &Device::Cpu).unwrap();
    let (y, grads) = run(&long, &[x, w0, w], &weights);
    assert!(numbers(&y).iter().chain(&numbers(&grads[0])).all(|v| v.is_finite()));
}

/// Misfits, an empty batch, a very long sequence.
#[test]
fn the_cell_of_darts_at_its_edges() {
    let t = |shape: &[usize]| Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
    let one = [(0, Function::Tanh)];
    let wrong = [
        darts_rnn(&t(&[2, 3, 4]), &t(&[9, 8]), &t(&[1, 5, 10]), &one, None),
        darts_rnn(&t(&[2, 3, 4]), &t(&[9, 10]), &t(&[2, 5, 10]), &one, None),
        darts_rnn(&t(&[2, 3, 4]), &t(&[9, 10]), &t(&[1, 5, 10]), &[(1, Function::Relu)], None),
        darts_rnn(&t(&[2, 3, 4]), &t(&[9, 10]), &t(&[0, 5, 10]), &[], None),
    ];
    for result in wrong {
        assert!(result.unwrap_err().to_string().contains("do not belong"));
    }
    let op = |t: &[Tensor]| darts_rnn(&t[0], &t[1], &t[2], &one, None);
    let (y, grads) = run(&op, &[t(&[0, 3, 4]), t(&[9, 10]), t(&[1, 5, 10])], &t(&[0, 3, 5]));
    assert_eq!((y.dims(), grads[1].dims()), (&[0, 3, 5][..], &[9, 10][..]));
    // Candle's own operations would overflow the stack of a test's thread here.
    let (y, grads) =
        run(&op, &[t(&[1, 50_000, 1]), t(&[3, 4]), t(&[1, 2, 4])], &t(&[1, 50_000, 2]));
    assert!(numbers(&y).iter().chain(&numbers(&grads[0])).all(|v| v.is_finite()));
}

#[test]
fn recurrent_layers_keep_nan_and_do_not_overflow() {
    let ones = |shape: &[usize]| Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
    for level in levels() {
        FORCED.set(Some(level));
        for cell in [Cell::Rnn, Cell::Lstm, Cell::Gru] {
            let rows = 5 * cell.gates();
            let y = |value: f64| {
                let x = (ones(&[3, 4, 2]) * value).unwrap();
                recurrent(cell, &x, &ones(&[rows, 7]), &ones(&[2, rows]), false, None).unwrap()
            };
            for v in numbers(&y(1e30)).into_iter().chain(numbers(&y(-1e30))) {
                assert!(v.abs() <= 1.0, "{cell:?} {level:?} {v}");
            }
            assert!(numbers(&y(f64::NAN)).iter().all(|v| v.is_nan()), "{cell:?} {level:?}");
        }
    }
}

/// Numbers in `f32` from what another library printed.
fn given(values: &[f32], shape: &[usize]) -> Tensor {
    Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
}

#[test]
fn sums_and_products_agree_with_candle() {
    let mut g = Gen(11);
    for round in 0..80 {
        let shape: Vec<usize> = (0..1 + round % 4).map(|_| g.size(1, 9)).collect();
        let (end, start) = (g.size(0, shape.len() - 1), g.size(1, shape.len()));
        let x = g.tensor(&shape);
        let (tail, head) = (g.tensor(&shape[end..]), g.tensor(&shape[..start]));
        let both = |t: &[Tensor]| add(&t[0], &t[1]);
        agree(&format!("add {shape:?} {end}"), &mut g, &both, &[x.clone(), tail.clone()], 1e-6);
        differentiates("add", &mut g, &both, &[x.clone(), tail]);
        let scale = |t: &[Tensor]| mul(&t[0], &t[1]);
        agree(&format!("mul {shape:?} {start}"), &mut g, &scale, &[x.clone(), head.clone()], 1e-6);
        differentiates("mul", &mut g, &scale, &[x, head]);
    }
    // A gradient that is not scaled is passed on as it is.
    let x = Var::from_tensor(&g.tensor(&[2, 3])).unwrap();
    let twice = add(&x, &x).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(numbers(twice.get(&x).unwrap()), [2.0; 6]);
}

#[test]
fn weighted_sums_agree_with_candle() {
    let mut g = Gen(31);
    for round in 0..60 {
        let shape: Vec<usize> = (0..1 + round % 4).map(|_| g.size(1, 9)).collect();
        let columns = g.size(1, 7);
        let column = g.size(0, columns - 1);
        let (a, x, w) = (g.tensor(&shape), g.tensor(&shape), g.tensor(&[columns]));
        let what = format!("weigh {shape:?} {column} of {columns}");
        let sum = |t: &[Tensor]| weigh(Some(&t[0]), &t[1], &t[2], column);
        agree(&what, &mut g, &sum, &[a.clone(), x.clone(), w.clone()], 1e-5);
        let one = |t: &[Tensor]| weigh(None, &t[0], &t[1], column);
        agree(&what, &mut g, &one, &[x.clone(), w.clone()], 1e-5);
        if round < 12 {
            differentiates(&what, &mut g, &sum, &[a, x.clone(), w.clone()]);
            differentiates(&what, &mut g, &one, &[x, w]);
        }
    }
    // Longer than a vector of the processor, and not a multiple of one; and a chain, as a mix is.
    for n in [1, 7, 8, 15, 17, 33, 1023] {
        let (x, y, w) = (g.tensor(&[n]), g.tensor(&[n]), g.tensor(&[3]));
        let chain = |t: &[Tensor]| {
            let first = weigh(None, &t[0], &t[2], 2)?;
            weigh(Some(&weigh(Some(&first), &t[1], &t[2], 0)?), &t[0], &t[2], 1)
        };
        agree(&format!("a chain of {n}"), &mut g, &chain, &[x, y, w], 1e-5);
    }
    let (x, w) = (g.tensor(&[2, 3]), g.tensor(&[2]));
    let said = |r: Result<Tensor>| r.unwrap_err().to_string();
    assert!(said(weigh(None, &x, &w, 2)).contains("column 2"));
    assert!(said(weigh(Some(&w), &x, &w, 0)).contains("not of one shape"));
    // Nothing in, nothing out.
    let none = Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(weigh(Some(&none), &none, &w, 1).unwrap().dims(), [0, 3]);
}

#[test]
fn layer_norm_agrees_with_candle() {
    let (mut g, levels) = (Gen(12), levels());
    for round in 0..90 {
        FORCED.set(Some(levels[round / 2 % levels.len()]));
        let mut shape: Vec<usize> = (0..2 + round % 2).map(|_| g.size(1, 6)).collect();
        shape.push([g.size(2, 9), g.size(14, 70)][round % 2]);
        let from = g.size(1, shape.len() - 1);
        let x = (g.tensor(&shape) * 2.0).unwrap();
        let inputs = [x, g.tensor(&shape[from..]), g.tensor(&shape[from..])];
        let op = |t: &[Tensor]| layer_norm(&t[0], &t[1], &t[2], 1e-2);
        agree(&format!("layer norm {shape:?} {from}"), &mut g, &op, &inputs, 2e-5);
        differentiates("layer norm", &mut g, &op, &inputs);
    }
    FORCED.set(None);
}

#[test]
fn group_norm_agrees_with_candle() {
    let (mut g, levels) = (Gen(13), levels());
    for round in 0..90 {
        FORCED.set(Some(levels[round / 2 % levels.len()]));
        let (groups, each) = (g.size(1, 4), g.size(1, 4));
        let c = groups * each;
        let mut shape = vec![g.size(1, 4), c];
        shape.extend((0..round % 3).map(|_| g.size(2, 7)));
        let x = (g.tensor(&shape) * 2.0).unwrap();
        let inputs = [x, g.tensor(&[c]), g.tensor(&[c])];
        let op = |t: &[Tensor]| group_norm(&t[0], &t[1], &t[2], groups, 1e-2);
        agree(&format!("group norm {shape:?} {groups}"), &mut g, &op, &inputs, 2e-5);
        differentiates("group norm", &mut g, &op, &inputs);
    }
    FORCED.set(None);
}

#[test]
fn layer_norm_does_not_cancel() {
    let data: Vec<f32> = (0..2 * 9000).map(|i| 1000.0 + 0.5 * (i % 2) as f32).collect();
    let one = Tensor::ones(9000, DType::F32, &Device::Cpu).unwrap();
    let zero = one.zeros_like().unwrap();
    let y = numbers(&layer_norm(&given(&data, &[2, 9000]), &one, &zero, 1e-9).unwrap());
    assert!(y.iter().all(|v| (v.abs() - 1.0).abs() < 1e-4), "{:?}", &y[..4]);
    // Nor do the gradients: x = 1000 +- 0.25 normalised is +-1, and so is dgamma.
    let vars = [given(&data[..64], &[1, 64]), pattern(&[64]), pattern(&[64])];
    let op = |t: &[Tensor]| layer_norm(&t[0], &t[1], &t[2], 1e-9);
    let (_, grads) = run(&op, &vars, &Tensor::ones((1, 64), DType::F32, &Device::Cpu).unwrap());
    assert!(numbers(&grads[1]).iter().all(|v| (v.abs() - 1.0).abs() < 1e-4));
    // Equal numbers have no deviation to divide by, and yield beta.
    let y = layer_norm(&Tensor::full(0.1f32, (3, 9000), &Device::Cpu).unwrap(), &one, &one, 1e-5);
    assert!(numbers(&y.unwrap()).iter().all(|&v| v == 1.0));
}

#[test]
fn attention_agrees_with_candle() {
    let (mut g, levels) = (Gen(14), levels());
    for round in 0..120 {
        FORCED.set(Some(levels[round % levels.len()]));
        let (heads, d) =
            (g.size(1, 3), [g.size(1, 9), g.size(10, 70)][usize::from(round % 5 == 4)]);
        let (n, l) = (g.size(1, 3), [g.size(1, 9), g.size(60, 70)][usize::from(round % 10 == 9)]);
        let ends: Vec<u32> = (0..n).map(|_| g.size(0, l) as u32).collect();
        let ends = (round % 3 == 2).then_some(ends);
        let causal = round % 2 == 1;
        let qkv = [(g.tensor(&[n, l, 3 * heads * d]) * 2.0).unwrap()];
        let op = |t: &[Tensor]| attention(&t[0], heads, causal, ends.as_deref());
        let what = format!("attention n{n} l{l} h{heads} d{d} causal {causal} {ends:?}");
        agree(&what, &mut g, &op, &qkv, 1e-5);
        differentiates(&what, &mut g, &op, &qkv);
    }
    FORCED.set(None);
}

#[test]
fn small_products_are_exact() {
    let (mut g, levels) = (Gen(16), levels());
    for round in 0..200 {
        FORCED.set(Some(levels[round % levels.len()]));
        let (m, n, k) = (g.size(0, 19), 16 * g.size(1, 4), g.size(0, 20));
        let (ors, brs, turned) = (n + g.size(0, 3), n + g.size(0, 3), round % 2 == 0);
        let mut whole = |n: usize| (0..n).map(|_| g.size(0, 8) as f32 - 4.0).collect::<Vec<f32>>();
        let (a, b, start) = (whole(m * k), whole(k * brs), whole(m * ors));
        let (rs, cs) = if turned { (1, m) } else { (k, 1) };
        let mut out = start.clone();
        let accumulate = round % 3 == 0;
        small::product(
            [m, n, k],
            (&mut out, ors),
            accumulate,
            Matrix { data: &a, rs, cs },
            (&b, brs),
        );
        for (at, (&found, &before)) in out.iter().zip(&start).enumerate() {
            let (i, j) = (at / ors, at % ors);
            let sum: f32 = (0..k).map(|p| a[i * rs + p * cs] * b[(p * brs + j) % b.len()]).sum();
            let expected = match (j < n, accumulate) {
                (false, _) => before,
                (true, true) => before + sum,
                (true, false) => sum,
            };
            assert_eq!(found, expected, "{m}x{n}x{k}, row {i}, column {j}");
        }
    }
    FORCED.set(None);
}

#[test]
fn attention_does_not_look_ahead_nor_at_padding() {
    let mut g = Gen(15);
    let (n, l, heads, width) = (2, 70, 2, 6);
    let qkv = g.tensor(&[n, l, 3 * width]).contiguous().unwrap();
    let rows = |t: &Tensor| numbers(t).chunks(width).map(<[f64]>::to_vec).collect::<Vec<_>>();
    let changed = |from: usize, by: f32| {
        let mut data = qkv.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for sample in data.chunks_mut(l * 3 * width) {
            sample[from * 3 * width..].iter_mut().for_each(|v| *v += by);
        }
        given(&data, &[n, l, 3 * width])
    };
    let causal = |x: &Tensor| rows(&attention(x, heads, true, None).unwrap());
    let (a, b) = (causal(&qkv), causal(&changed(66, 3.0)));
    assert!(a[..66] == b[..66] && a[66] != b[66]);
    let padded = |x: &Tensor| rows(&attention(x, heads, false, Some(&[66, 0])).unwrap());
    // Not even NaN gets through from beyond the end.
    let (a, b) = (padded(&qkv), padded(&changed(66, f32::NAN)));
    assert!(a[..66] == b[..66] && a[66] != b[66]);
    assert!(a[l..].iter().flatten().all(|&v| v == 0.0));
}

#[test]
fn large_scores_neither_overflow_nor_hide_nan() {
    let qkv = given(&[90.0, 90.0, 1.0, -90.0, -90.0, 2.0], &[1, 2, 3]);
    assert_eq!(numbers(&attention(&qkv, 1, false, None).unwrap()), [1.0, 2.0]);
    let nan = Tensor::full(f32::NAN, (1, 20, 3), &Device::Cpu).unwrap();
    assert!(numbers(&attention(&nan, 1, true, None).unwrap()).iter().all(|v| v.is_nan()));
}

/// The numbers that the PyTorch scripts below call `t`: i * 37 % 101 / 101 - 0.5.
fn pattern(shape: &[usize]) -> Tensor {
    let n = shape.iter().product::<usize>();
    let data: Vec<f32> = (0..n).map(|i| (i * 37 % 101) as f32 / 101.0 - 0.5).collect();
    given(&data, shape)
}

/// Value and gradients of `sum(op * pattern)` against what PyTorch printed.
fn as_in_torch(op: &Op, inputs: &[Tensor], y: &[f32], grads: &[(usize, &[f32])]) {
    let dims = op(inputs).unwrap().dims().to_vec();
    let (value, found) = run(op, inputs, &pattern(&dims));
    close("value", &value, &given(y, &dims), 1e-5);
    for &(i, expected) in grads {
        let found = found[i].flatten_all().unwrap();
        close(&format!("gradient {i}"), &found, &given(expected, &[expected.len()]), 1e-5);
    }
}

/// ```python
/// t = lambda *s: (torch.arange(torch.Size(s).numel()) * 37 % 101 / 101 - 0.5).reshape(s)
/// x = t(2, 4).requires_grad_(); m = torch.nn.LayerNorm(4); m.weight.data = t(4) + 1; m.bias.data = t(4)
/// y = m(x); (y * t(2, 4)).sum().backward(); print(y, x.grad, m.weight.grad, m.bias.grad)
/// x = t(1, 4, 1, 2).requires_grad_(); m = torch.nn.GroupNorm(2, 4); m.weight.data = t(4) + 1; m.bias.data = t(4)
/// y = m(x); (y * t(1, 4, 1, 2)).sum().backward(); print(y, x.grad, m.weight.grad, m.bias.grad)
/// ```
#[test]
fn norms_are_those_of_pytorch() {
    let (gamma, beta) = ((pattern(&[4]) + 1.0).unwrap(), pattern(&[4]));
    as_in_torch(
        &|t: &[Tensor]| layer_norm(&t[0], &t[1], &t[2], 1e-5),
        &[pattern(&[2, 4]), gamma.clone(), beta.clone()],
        &[-1.027773, 0.07038931, 2.114492, -0.8242537, -0.6091503, 1.076717, -1.489524, -0.2702258],
        &[
            (
                0,
                &[
                    0.1852562,
                    -0.3020687,
                    0.156547,
                    -0.03973445,
                    0.2184962,
                    -0.100838,
                    -0.1331329,
                    0.01547447,
                ],
            ),
            (1, &[0.5353379, 0.4319202, 0.7771066, 0.2973908]),
            (2, &[-0.5346534, 0.1980198, -0.06930691, -0.3366337]),
        ],
    );
    as_in_torch(
        &|t: &[Tensor]| group_norm(&t[0], &t[1], &t[2], 2, 1e-5),
        &[pattern(&[1, 4, 1, 2]), gamma, beta],
        &[-1.027773, -0.3822325, 1.1889, -0.7458215, -0.03642004, 1.954871, -1.237881, -0.2702258],
        &[
            (
                0,
                &[
                    0.2718137,
                    0.005797751,
                    0.04018193,
                    -0.3177934,
                    -0.2325286,
                    0.2598205,
                    0.2519975,
                    -0.2792892,
                ],
            ),
            (1, &[0.4962907, 0.6385446, 0.4709674, 0.4359529]),
            (2, &[-0.6336634, -0.1683168, 0.2970297, -0.2376238]),
        ],
    );
}

/// ```python
/// t = lambda *s: (torch.arange(torch.Size(s).numel()) * 37 % 101 / 101 - 0.5).reshape(s)
/// x = (4 * t(1, 3, 4)).requires_grad_(); m = torch.nn.MultiheadAttention(4, 2, batch_first=True)
/// m.in_proj_weight.data = 3 * t(12, 4); m.in_proj_bias.data = t(12)
/// m.out_proj.weight.data = t(4, 4); m.out_proj.bias.data = t(4)
/// for mask in [None, torch.triu(torch.ones(3, 3, dtype=torch.bool), 1)]:
///     x.grad = None; m.zero_grad()
///     y = m(x, x, x, need_weights=False, attn_mask=mask)[0]; (y * t(1, 3, 4)).sum().backward()
///     print(y, x.grad, m.in_proj_bias.grad)
/// ```
#[test]
fn attention_is_that_of_pytorch() {
    let scaled = |shape: &[usize], by: f64| (pattern(shape) * by).unwrap();
    let inputs = [
        scaled(&[1, 3, 4], 4.0),
        scaled(&[12, 4], 3.0),
        pattern(&[12]),
        pattern(&[4, 4]),
        pattern(&[4]),
    ];
    let whole = |causal: bool| {
        move |t: &[Tensor]| {
            let qkv = linear(&t[0], &t[1], Some(&t[2]))?;
            linear(&attention(&qkv, 2, causal, None)?, &t[3], Some(&t[4]))
        }
    };
    as_in_torch(
        &whole(false),
        &inputs,
        &[
            -0.5058908,
            -0.02614973,
            0.9794689,
            -0.2201933,
            -1.941926,
            0.6954075,
            -2.5425,
            0.3161493,
            -0.6096308,
            -0.158931,
            0.4943424,
            -0.5036971,
        ],
        &[
            (
                0,
                &[
                    -0.9358402, 0.9305879, -0.5410055, -1.070244, 1.0183, -0.7123165, 1.060769,
                    0.7896655, 0.906253, -1.283208, -0.6940292, 0.9225181,
                ],
            ),
            (
                2,
                &[
                    -0.2703618,
                    -0.5262185,
                    0.07850514,
                    0.0921104,
                    0.0,
                    0.0,
                    0.0,
                    0.0,
                    0.1765514,
                    -0.218557,
                    0.2922752,
                    0.001127318,
                ],
            ),
        ],
    );
    as_in_torch(
        &whole(true),
        &inputs,
        &[
            -2.075173, 1.914686, -3.575456, 1.334069, -1.942367, 0.6956328, -2.543159, 0.3163481,
            -0.6096308, -0.158931, 0.4943424, -0.5036971,
        ],
        &[(
            0,
            &[
                -0.6663183, 0.2366751, -0.6457744, -0.4856431, 1.130102, -0.6726622, 0.9346477,
                0.8541396, 0.4556347, -0.6522374, -0.40243, 0.3802358,
            ],
        )],
    );
}

/// Milliseconds of the fastest of many rounds, forward and backward.
fn fastest(op: &Op, inputs: &[Tensor]) -> f64 {
    let vars: Vec<Var> = inputs.iter().map(|t| Var::from_tensor(t).unwrap()).collect();
    let args: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let weights = op(&args).unwrap().ones_like().unwrap();
    let round = || {
        let start = std::time::Instant::now();
        let y = op(&args).unwrap();
        mul(&y, &weights).unwrap().sum_all().unwrap().backward().unwrap();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..60).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// `cargo test --lib kernel::tests::speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a check"]
fn speed_of_attention_and_norms() {
    prepare();
    let (n, l, d, heads) = (64, 64, 64, 4);
    let x = pattern(&[n, l, d]);
    let ln = [x.clone(), pattern(&[d]), pattern(&[d])];
    let ms = fastest(&|t: &[Tensor]| layer_norm(&t[0], &t[1], &t[2], 1e-5), &ln);
    println!("layer_norm {n}x{l}x{d}: {ms:.3} ms");
    let nothing = |t: &[Tensor]| Ok(t[0].clone());
    println!("of which the measurement: {:.3} ms", fastest(&nothing, &ln[..1]));
    let image = [pattern(&[n, 32, 16, 16]), pattern(&[32]), pattern(&[32])];
    let ms = fastest(&|t: &[Tensor]| group_norm(&t[0], &t[1], &t[2], 8, 1e-5), &image);
    println!("group_norm {n}x32x16x16, 8 groups: {ms:.3} ms");
    println!("of which the measurement: {:.3} ms", fastest(&nothing, &image[..1]));
    let qkv = [pattern(&[n, l, 3 * d])];
    for causal in [false, true] {
        let ms = fastest(&|t: &[Tensor]| attention(&t[0], heads, causal, None), &qkv);
        println!("attention {n}x{l}x{d}, {heads} heads, causal {causal}: {ms:.3} ms");
    }
    let whole = |t: &[Tensor]| {
        let qkv = linear(&t[0], &t[1], Some(&t[2]))?;
        linear(&attention(&qkv, heads, false, None)?, &t[3], Some(&t[4]))
    };
    let w = [x, pattern(&[3 * d, d]), pattern(&[3 * d]), pattern(&[d, d]), pattern(&[d])];
    println!("with its projections: {:.3} ms", fastest(&whole, &w));
}
