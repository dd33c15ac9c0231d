//! The statistics of a dump: each property of each one a row of values, all of one statistic equally long.

use serde_json::{Map, Value, json};

use crate::logic::proof::words;

/// One statistic, as it is put together.
pub(super) struct Statistic {
    id: String,
    kind: &'static str,
    /// When its values were taken, in milliseconds since 1970.
    times: Vec<u64>,
    properties: Vec<(&'static str, Vec<Value>)>,
}

impl Statistic {
    /// Of that type. Without a single moment there is nothing to be told.
    pub(super) fn new(id: String, kind: &'static str, times: Vec<u64>) -> Self {
        Self { id, kind, times, properties: Vec::new() }
    }

    /// The same all the time.
    pub(super) fn always(&mut self, name: &'static str, value: impl Into<Value>) {
        let value = value.into();
        self.properties.push((name, vec![value; self.times.len()]));
    }

    /// The same all the time, where it is known.
    pub(super) fn where_known(&mut self, name: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.always(name, value);
        }
    }

    /// Value by value. What never was known does not stand there at all.
    pub(super) fn values(&mut self, name: &'static str, values: Vec<Option<f64>>) {
        let known = |value: &Option<f64>| value.filter(|value| value.is_finite());
        let Some(first) = values.iter().position(|value| known(value).is_some()) else { return };
        let value = |(index, value): (usize, &Option<f64>)| match known(value) {
            Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => json!(value as i64),
            Some(value) => json!((value * 1e6).round() / 1e6),
            None if index < first => json!(0),
            None => Value::Null,
        };
        self.properties.push((name, values.iter().enumerate().map(value).collect()));
    }

    /// Words, value by value.
    pub(super) fn words(&mut self, name: &'static str, values: Vec<&str>) {
        self.properties.push((name, values.into_iter().map(Value::from).collect()));
    }

    /// Adds itself to a connection's statistics.
    pub(super) fn put(self, into: &mut Map<String, Value>) {
        let Self { id, kind, times, properties } = self;
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return };
        let (start, end) = (words::iso(*first), words::iso(*last));
        let mut row = |name: &str, values: Vec<Value>| {
            let values = Value::Array(values).to_string();
            let row = json!({ "startTime": start, "endTime": end, "statsType": kind, "values": values });
            into.insert(format!("{id}-{name}"), row);
        };
        row("timestamp", times.iter().map(|time| json!(time)).collect());
        for (name, values) in properties {
            row(name, values);
        }
    }
}

/// What a row of rates amounts to, value by value.
pub(super) fn summed(rates: impl Iterator<Item = f64>) -> Vec<Option<f64>> {
    let mut sum = 0.0;
    let add = |rate: f64| {
        sum += if rate.is_finite() { rate } else { 0.0 };
        Some(f64::round(sum * 1e6) / 1e6)
    };
    rates.map(add).collect()
}
