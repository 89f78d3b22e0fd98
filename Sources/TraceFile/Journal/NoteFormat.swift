package import TraceFormat

/// The record of a note: an event that no kernel has, laid out as the kernel's are, so that others' readers list it.
package enum NoteFormat {
  /// `kdelay:note`.
  package static let name = EventName("kdelay", "note")

  /// The number of the event: the last that KernelShark names, which takes numbers for signed ones of 16 bits. The kernel gives numbers
  /// from the first on.
  static let id: UInt16 = 32767

  /// Where the text begins in a record: behind the fields.
  static let textOffset = 12

  /// The text of the event's `format`.
  package static let text = """
    name: note
    ID: \(id)
    format:
    \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
    \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
    \tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
    \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

    \tfield:__data_loc char[] text;\toffset:8;\tsize:4;\tsigned:0;

    print fmt: "%s", __get_str(text)

    """
}
