// Threads in channels, locks, a sort that calls back, a panic that is caught, and a deep recursion. For against-gdb.
use std::collections::HashMap;
use std::sync::{mpsc, Arc, Mutex};
use std::{panic, thread, time::Duration};

#[inline(never)]
fn deep(n: u64, map: &mut HashMap<u64, String>) -> u64 {
    map.insert(n, format!("{n:?}"));
    if n == 0 { thread::sleep(Duration::from_secs(600)); 1 } else { deep(n - 1, map) + map.len() as u64 }
}

fn main() {
    panic::set_hook(Box::new(|_| ()));
    let shared = Arc::new(Mutex::new(0u64));
    let (sender, receiver) = mpsc::channel::<u64>();
    let waiting = thread::spawn(move || receiver.iter().sum::<u64>());
    let own = shared.clone();
    let busy = thread::spawn(move || loop {
        let mut all: Vec<u64> = (0..1000).rev().collect();
        all.sort_by(|a, b| { *own.lock().unwrap() += 1; a.cmp(b) });
        let _ = panic::catch_unwind(|| { if all.len() > 1 { panic!("{}", all[1]) } });
    });
    let sleeping = thread::spawn(|| deep(30, &mut HashMap::new()));
    let held = shared.lock();
    drop(held);
    sleeping.join().unwrap();
    drop(sender);
    waiting.join().unwrap();
    busy.join().unwrap();
}
