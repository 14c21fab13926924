"""Indicators in Chinese, Japanese and Korean text, which has no blanks around them."""

import pytest

from spacy_ssner.text.indicators import find_indicators


@pytest.mark.parametrize(
    "text,expected",
    [
        ("攻击者使用1.2.3.4和evil.com下载payload.exe文件", ["IPV4 1.2.3.4", "DOMAIN evil.com", "FILE payload.exe"]),
        (
            "공격자는 evil.com으로 접속, 1.2.3.4를 사용, http://evil.com/a.php에서",
            ["DOMAIN evil.com", "IPV4 1.2.3.4", "URL http://evil.com/a.php"],
        ),
        ("bob@evil.com에게 邮箱bob@evil.com发送", ["EMAIL bob@evil.com", "EMAIL bob@evil.com"]),
        ("攻撃者はevil[.]comに接続し", ["DOMAIN evil.com"]),
        (
            "C:\\Windows\\evil.exeを実行。IP：1[.]2[.]3[.]4（ポート443）。「hxxps://evil[.]com/a」にアクセス",
            ["PATH C:\\Windows\\evil.exe", "IPV4 1.2.3.4", "URL https://evil.com/a"],
        ),
        (
            "地址1.2.3.4:8080端口和10.0.0.0/8网段及fe80::1ab:2cd:3ef:4已经",
            ["IPV4 1.2.3.4:8080", "IPV4 10.0.0.0/8", "IPV6 fe80::1ab:2cd:3ef:4"],
        ),
        ("使用System32\\cmd.exe执行，src/a.py脚本", ["PATH System32\\cmd.exe", "PATH src/a.py"]),
        (
            "在C:\\Windows\\a.exe中，修改HKLM\\Software\\Run键值",
            ["PATH C:\\Windows\\a.exe", "REGISTRY HKLM\\Software\\Run"],
        ),
        ("访问163.com下载7z.exe运行a.ps1脚本", ["DOMAIN 163.com", "FILE 7z.exe", "FILE a.ps1"]),
        ("http://evil.com:8080에서 http://evil.com/12에", ["URL http://evil.com:8080", "URL http://evil.com/12"]),
        ("在/etc/passwd中（/tmp/x.sh）【evil.com】", ["PATH /etc/passwd", "PATH /tmp/x.sh", "DOMAIN evil.com"]),
    ],
)  # fmt: skip
def test_running_text_is_no_part_of_an_indicator(text, expected):
    assert [f"{hit.kind} {hit.value}" for hit in find_indicators(text)] == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("访问 例子.中国 和 例子.com，文件.exe", ["DOMAIN 例子.中国", "DOMAIN 例子.com", "FILE 文件.exe"]),
        ("用户@例子.中国 张三@evil.com", ["EMAIL 用户@例子.中国", "EMAIL 张三@evil.com"]),
        ("在 C:\\Users\\用户\\桌面\\a.exe 中", ["PATH C:\\Users\\用户\\桌面\\a.exe"]),
        ("https://zh.wikipedia.org/wiki/攻击?q=文件", ["URL https://zh.wikipedia.org/wiki/攻击?q=文件"]),
        ("2017年统计报告.doc 附件1.docx", ["FILE 2017年统计报告.doc", "FILE 附件1.docx"]),
        ("和/或，客户端/服务器/数据库，TCP/IP协议/UDP", []),
    ],
)
def test_whole_labels_in_such_letters_stay(text, expected):
    assert [f"{hit.kind} {hit.value}" for hit in find_indicators(text)] == expected
