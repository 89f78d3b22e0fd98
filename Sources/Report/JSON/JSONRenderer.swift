package import Session

/// The JSON report: one object a window, one a line. `WindowTable` says what is in it.
package struct JSONRenderer: Renderer {
  package init() {}

  package mutating func window(_ result: WindowResult, _ output: inout ByteOutput) {
    WindowTable.table.write(WindowView(result), &output)
    output.append(UInt8(ascii: "\n"))
    output.handOnIfLong()
  }

  // A window that is too short to be reported has no object: who counts objects counts windows that were reported.
}
