/// The JSON Schema (2020-12) of what `JSONRenderer` writes; `kdelay-ftrace schema` prints it.
package enum JSONSchema {
  package static let text = #"""
    {
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "title": "kdelay-ftrace.sample/1",
      "description": "One sample of kdelay-ftrace. Integers are nanoseconds unless the name says otherwise.",
      "type": "object",
      "properties": {
        "schema": {"const": "kdelay-ftrace.sample/1"},
        "target": {
          "type": "object",
          "properties": {"pid": {"type": "integer", "minimum": 0}, "comm": {"type": "string"}},
          "required": ["pid", "comm"]
        },
        "window": {
          "type": "object",
          "properties": {
            "index": {"type": "integer", "minimum": 1},
            "start_ns": {"type": "integer", "minimum": 0},
            "stop_ns": {"type": "integer", "minimum": 0},
            "duration_ns": {"type": "integer", "minimum": 0},
            "start_trigger": {"type": ["string", "null"]},
            "stop_trigger": {"type": ["string", "null"]}
          },
          "required": ["index", "start_ns", "stop_ns", "duration_ns", "start_trigger", "stop_trigger"]
        },
        "loss": {
          "type": "object",
          "properties": {
            "events": {"type": "integer", "minimum": 0},
            "stack_samples": {"type": "integer", "minimum": 0},
            "stacks_missing": {"type": "integer", "minimum": 0},
            "undecodable": {"type": "integer", "minimum": 0},
            "discarded_intervals": {"type": "integer", "minimum": 0},
            "missed_triggers": {"type": "integer", "minimum": 0},
            "gating_uncertain": {"type": "boolean"},
            "missing_ns": {"type": "integer", "minimum": 0},
            "events_read": {"type": "integer", "minimum": 0},
            "late_events": {"type": "integer", "minimum": 0},
            "cpus": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {"cpu": {"type": "integer", "minimum": 0}, "events": {"type": "integer", "minimum": 0}},
                "required": ["cpu", "events"]
              }
            }
          },
          "required": [
            "events",
            "stack_samples",
            "stacks_missing",
            "undecodable",
            "discarded_intervals",
            "missed_triggers",
            "gating_uncertain",
            "missing_ns",
            "events_read",
            "late_events",
            "cpus"
          ]
        },
        "recording_cost_ns": {
          "description": "An estimate of what recording adds to a syscall; null if it could not be measured.",
          "type": ["integer", "null"],
          "minimum": 0
        },
        "children_not_watched": {"type": "integer", "minimum": 0},
        "threads": {"type": "array", "items": {"$ref": "#/$defs/thread"}},
        "upcalls": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/upcalls"}]},
        "syscall_events": {"type": "array", "items": {"$ref": "#/$defs/syscall_event"}},
        "syscall_events_left_out": {"type": "integer", "minimum": 0},
        "stack_notes": {"type": "array", "items": {"type": "string"}}
      },
      "required": [
        "schema", "target", "window", "loss", "recording_cost_ns", "children_not_watched", "threads", "upcalls", "syscall_events",
        "syscall_events_left_out", "stack_notes"
      ],
      "$defs": {
        "thread": {
          "type": "object",
          "properties": {
            "tid": {"type": "integer", "minimum": 0},
            "comm": {"type": "string"},
            "syscalls": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {
                  "name": {"type": "string"},
                  "number": {"type": "integer"},
                  "count": {"type": "integer", "minimum": 0},
                  "total_ns": {"type": "integer", "minimum": 0},
                  "max_ns": {"type": "integer", "minimum": 0},
                  "p50_ns": {"type": "integer", "minimum": 0},
                  "p90_ns": {"type": "integer", "minimum": 0},
                  "p99_ns": {"type": "integer", "minimum": 0},
                  "errors": {"type": "integer", "minimum": 0},
                  "name_uncertain": {
                    "description": "The program has made 32-bit calls too, whose numbers mean other syscalls.",
                    "type": "boolean"
                  }
                },
                "required": [
                  "name", "number", "count", "total_ns", "max_ns", "p50_ns", "p90_ns", "p99_ns", "errors",
                  "name_uncertain"
                ]
              }
            },
            "long_poll": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/min_max"}]},
            "run": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/min_max"}]},
            "ready": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/max"}]},
            "stopped": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/max"}]},
            "hard_irqs": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {
                  "name": {"type": "string"},
                  "irq": {"type": "integer", "minimum": 0},
                  "count": {"type": "integer", "minimum": 0},
                  "total_ns": {"type": "integer", "minimum": 0},
                  "max_ns": {"type": "integer", "minimum": 0}
                },
                "required": ["name", "irq", "count", "total_ns", "max_ns"]
              }
            },
            "soft_irqs": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {
                  "name": {"type": "string"},
                  "vector": {"type": "integer", "minimum": 0},
                  "count": {"type": "integer", "minimum": 0},
                  "total_ns": {"type": "integer", "minimum": 0},
                  "max_ns": {"type": "integer", "minimum": 0}
                },
                "required": ["name", "vector", "count", "total_ns", "max_ns"]
              }
            },
            "accounting": {
              "type": "object",
              "properties": {
                "user_ns": {"type": "integer", "minimum": 0},
                "syscall_ns": {"type": "integer", "minimum": 0},
                "hard_irq_ns": {"type": "integer", "minimum": 0},
                "soft_irq_ns": {"type": "integer", "minimum": 0},
                "ready_ns": {"type": "integer", "minimum": 0},
                "blocked_interruptible_ns": {"type": "integer", "minimum": 0},
                "blocked_uninterruptible_ns": {"type": "integer", "minimum": 0},
                "stopped_ns": {"type": "integer", "minimum": 0},
                "unknown_ns": {"type": "integer", "minimum": 0},
                "lifetime_ns": {"type": "integer", "minimum": 0}
              },
              "required": [
                "user_ns",
                "syscall_ns",
                "hard_irq_ns",
                "soft_irq_ns",
                "ready_ns",
                "blocked_interruptible_ns",
                "blocked_uninterruptible_ns",
                "stopped_ns",
                "unknown_ns",
                "lifetime_ns"
              ]
            },
            "probe_overhead": {
              "description": "Syscalls that probes made amid the thread's own code; their time is part of user_ns.",
              "type": "object",
              "properties": {
                "count": {"type": "integer", "minimum": 0},
                "total_ns": {"type": "integer", "minimum": 0}
              },
              "required": ["count", "total_ns"]
            },
            "recording_ns": {
              "description": "An estimate of what recording cost the thread, a part of user_ns; 0 if recording_cost_ns is null.",
              "type": "integer",
              "minimum": 0
            }
          },
          "required": [
            "tid",
            "comm",
            "syscalls",
            "long_poll",
            "run",
            "ready",
            "stopped",
            "hard_irqs",
            "soft_irqs",
            "accounting",
            "probe_overhead",
            "recording_ns"
          ]
        },
        "min_max": {
          "type": "object",
          "properties": {
            "count": {"type": "integer", "minimum": 0},
            "total_ns": {"type": "integer", "minimum": 0},
            "min_ns": {"type": "integer", "minimum": 0},
            "max_ns": {"type": "integer", "minimum": 0}
          },
          "required": ["count", "total_ns", "min_ns", "max_ns"]
        },
        "max": {
          "type": "object",
          "properties": {
            "count": {"type": "integer", "minimum": 0},
            "total_ns": {"type": "integer", "minimum": 0},
            "max_ns": {"type": "integer", "minimum": 0}
          },
          "required": ["count", "total_ns", "max_ns"]
        },
        "upcall_count": {
          "type": "object",
          "properties": {
            "count": {"type": "integer", "minimum": 0},
            "cpus": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {"cpu": {"type": "integer", "minimum": 0}, "count": {"type": "integer", "minimum": 0}},
                "required": ["cpu", "count"]
              }
            }
          },
          "required": ["count", "cpus"]
        },
        "upcalls": {
          "type": "object",
          "properties": {
            "total": {"$ref": "#/$defs/upcall_count"},
            "successful": {"$ref": "#/$defs/upcall_count"},
            "failed": {"$ref": "#/$defs/upcall_count"},
            "errors": {
              "type": "array",
              "items": {
                "allOf": [{"$ref": "#/$defs/upcall_count"}],
                "properties": {"errno": {"type": "integer", "minimum": 1}, "name": {"type": "string"}},
                "required": ["errno", "name"]
              }
            },
            "missed": {"type": "integer", "minimum": 0}
          },
          "required": ["total", "successful", "failed", "errors", "missed"]
        },
        "syscall_event": {
          "type": "object",
          "properties": {
            "tid": {"type": "integer", "minimum": 0},
            "comm": {"type": "string"},
            "name": {"type": "string"},
            "name_uncertain": {"type": "boolean"},
            "number": {"type": "integer"},
            "entry_ns": {"type": "integer", "minimum": 0},
            "exit_ns": {"type": "integer", "minimum": 0},
            "return_value": {"type": "integer"},
            "user_stack": {"type": "array", "items": {"$ref": "#/$defs/user_frame"}},
            "user_stack_end": {
              "enum": [
                "complete", "truncated", "no unwind information", "missing register", "corrupt", "depth limit", "return probe",
                "32-bit code", "frame pointers", "not sampled", "lost", "not kept"
              ]
            },
            "kernel_stack": {"type": "array", "items": {"$ref": "#/$defs/frame"}},
            "waits": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {
                  "start_ns": {"type": "integer", "minimum": 0},
                  "blocked_ns": {"type": "integer", "minimum": 0},
                  "ready_ns": {"type": "integer", "minimum": 0},
                  "state": {"enum": ["interruptible", "uninterruptible", "stopped", "preempted"]},
                  "end_known": {"type": "boolean"},
                  "kernel_stack": {"type": "array", "items": {"$ref": "#/$defs/frame"}},
                  "waker": {
                    "oneOf": [
                      {"type": "null"},
                      {
                        "type": "object",
                        "properties": {
                          "context": {"enum": ["task", "soft interrupt", "hard interrupt"]},
                          "tid": {"type": "integer", "minimum": 0},
                          "comm": {"type": ["string", "null"]}
                        },
                        "required": ["context", "tid", "comm"]
                      }
                    ]
                  }
                },
                "required": ["start_ns", "blocked_ns", "ready_ns", "state", "end_known", "kernel_stack", "waker"]
              }
            },
            "waits_left_out": {"type": "integer", "minimum": 0}
          },
          "required": [
            "tid",
            "comm",
            "name",
            "name_uncertain",
            "number",
            "entry_ns",
            "exit_ns",
            "return_value",
            "user_stack",
            "user_stack_end",
            "kernel_stack",
            "waits",
            "waits_left_out"
          ]
        },
        "frame": {
          "type": "object",
          "properties": {
            "address": {"type": "integer", "minimum": 0},
            "symbol": {"type": ["string", "null"]},
            "offset": {"type": "integer", "minimum": 0},
            "module": {"type": "string"}
          },
          "required": ["address", "symbol", "offset", "module"]
        },
        "user_frame": {
          "allOf": [{"$ref": "#/$defs/frame"}],
          "properties": {
            "source": {"type": ["string", "null"]},
            "inlined": {"type": "boolean"},
            "guessed": {"type": "boolean"}
          },
          "required": ["source", "inlined", "guessed"]
        }
      }
    }
    """#
}
