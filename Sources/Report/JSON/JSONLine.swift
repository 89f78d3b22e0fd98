/// A flat JSON object of texts on a line of its own.
package enum JSONLine {
  /// The keys stay in this order; nil becomes null.
  package static func text(_ members: [(String, String?)]) -> String {
    let bytes = ByteOutput.bytes { output in
      for (position, (key, value)) in members.enumerated() {
        output.append(UInt8(ascii: position == 0 ? "{" : ","))
        output.json(key)
        output.append(UInt8(ascii: ":"))
        if let value { output.json(value) } else { output.jsonNull() }
      }
      output.append("}\n")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
