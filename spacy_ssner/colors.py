"""displaCy colours for the types of DNRTI, CyNER, APTNER, AnnoCTR and MalwareTextDB.

Related types have related hues, over all five corpora. displaCy compares labels in upper case, so `Tool` and
`TOOL` must agree. ORG, LOC, DATE and TIME keep the colours that displaCy gives them anyway: installing this
package must not repaint other pipelines.
"""

from typing import Dict

COLOR_FAMILIES: Dict[str, Dict[str, str]] = {
    "attackers": {"HackOrg": "#ff9a9a", "APT": "#ff9a9a", "GROUP": "#ff9a9a"},
    "vulnerabilities": {
        "Exp": "#ffa9d2",
        "Vulnerability": "#ffa9d2",
        "VULNAME": "#ffa9d2",
        "VULID": "#ffc4e4",
    },
    "malware and tools": {
        "Tool": "#cda6ff",
        "TOOL": "#cda6ff",
        "Malware": "#e0b3ff",
        "MALWARE": "#e0b3ff",
        "MAL": "#e0b3ff",
        "SamFile": "#e6ccff",
        "FILE": "#e6ccff",
        "Features": "#d9c8f5",
        "CLICommand/CodeSnippet": "#dcc0f0",
    },
    "defenders": {"SecTeam": "#9fc4ff", "SECTEAM": "#9fc4ff"},
    "organisations": {
        "Org": "#7aecec",
        "ORG": "#7aecec",
        "Organization": "#7aecec",
        "IDTY": "#8fe3f0",
        "Idus": "#b5eef5",
        "SECTOR": "#b5eef5",
        "Entity": "#9be8e8",
    },
    "places": {"Area": "#ff9561", "LOC": "#ff9561"},
    "times": {"Time": "#bfe1d9", "TIME": "#bfe1d9", "DATE": "#bfe1d9"},
    "actions": {
        "OffAct": "#ffd34d",
        "ACT": "#ffd34d",
        "Action": "#ffd34d",
        "TACTIC": "#ffdf80",
        "Way": "#f5e663",
        "TECHNIQUE": "#f5e663",
        "Purp": "#fff3b0",
        "Modifier": "#ffedc2",
        "CON": "#fbe6b4",
    },
    "indicators": {
        "Indicator": "#a8e6a1",
        "DOM": "#a8e6a1",
        "URL": "#8fdc9b",
        "IP": "#b9e88a",
        "EMAIL": "#c8f0b0",
        "MD5": "#cdeb8b",
        "SHA1": "#dcf3a0",
        "SHA2": "#c3e76e",
    },
    "systems": {"System": "#c9cfe8", "OS": "#c9cfe8", "PROT": "#d5dcf7", "ENCR": "#bcc4e6"},
}

DISPLACY_COLORS: Dict[str, str] = {
    label: color for family in COLOR_FAMILIES.values() for label, color in family.items()
}
