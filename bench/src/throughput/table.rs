//! What the runs come to, each beside the runs of the same repetition that it is compared with.

use super::Cost;
use crate::columns;
use crate::subject::Subject;

/// A line for each server. The first one is the bare loop.
pub(super) fn of(subjects: &[Subject], costs: &[Vec<Cost>]) -> String {
    let heads = ["", "requests/s", "CPU, µs/request", "to bare", "to nginx", "failed"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    let bare: Vec<f64> = costs[0].iter().map(|cost| cost.cpu_us).collect();
    let nginx = subjects.iter().zip(costs).filter(|(subject, _)| subject.kind.is_nginx());
    let nginx = least(nginx.map(|(_, costs)| costs));
    for (subject, of_subject) in subjects.iter().zip(costs) {
        let failed: u64 = of_subject.iter().map(|cost| cost.failed).sum();
        lines.push(vec![
            subject.name().to_owned(),
            columns::range(of_subject.iter().map(|cost| cost.per_second).collect(), 0),
            columns::range(of_subject.iter().map(|cost| cost.cpu_us).collect(), 2),
            columns::range(ratios(of_subject, &bare), 2),
            columns::range(ratios(of_subject, &nginx), 2),
            failed.to_string(),
        ]);
    }
    columns::align(&lines)
}

/// Of each repetition the server that took the least CPU time; nothing of no servers.
fn least<'a>(servers: impl Iterator<Item = &'a Vec<Cost>>) -> Vec<f64> {
    let mut least: Vec<f64> = Vec::new();
    for costs in servers {
        // The last repetition may be cut short.
        least.resize(costs.len().max(least.len()), f64::INFINITY);
        for (least, cost) in least.iter_mut().zip(costs) {
            *least = least.min(cost.cpu_us);
        }
    }
    least
}

fn ratios(costs: &[Cost], to: &[f64]) -> Vec<f64> {
    costs.iter().zip(to).map(|(cost, to)| cost.cpu_us / to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(cpu_us: &[f64]) -> Vec<Cost> {
        cpu_us.iter().map(|cpu_us| Cost { cpu_us: *cpu_us, ..Cost::default() }).collect()
    }

    #[test]
    fn each_repetition_is_compared_with_its_own_and_with_the_better_peer() {
        let peers = [costs(&[4.0, 8.0, 5.0]), costs(&[5.0, 4.0])];
        let least = least(peers.iter());
        assert_eq!(least, [4.0, 4.0, 5.0]);
        assert_eq!(ratios(&costs(&[2.0, 8.0]), &least), [0.5, 2.0]);
        assert!(ratios(&costs(&[2.0]), &[]).is_empty());
    }
}
