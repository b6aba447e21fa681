"""The part of the DTDs of FCPXML 1.8 to 1.14 that documents of ours use, written after Apple's reference.

Content models and attributes are those of the DTDs (https://developer.apple.com/documentation/professional-video-applications/fcpxml-reference);
elements and attributes that are not listed here are refused.
"""

from __future__ import annotations

__all__ = ["dtd"]

_ASSET_1_8 = """<!ELEMENT asset EMPTY>
<!ATTLIST asset src CDATA #REQUIRED>"""
_ASSET_1_9 = """<!ELEMENT asset (media-rep+)>
<!ATTLIST asset videoSources CDATA #IMPLIED>
<!ELEMENT media-rep EMPTY>
<!ATTLIST media-rep kind (original-media | proxy-media) "original-media" src CDATA #REQUIRED>"""
_COMMON = """
<!ELEMENT fcpxml (resources?, event*)>
<!ATTLIST fcpxml version CDATA #FIXED "{version}">
<!ELEMENT resources (asset | format)*>
<!ELEMENT format EMPTY>
<!ATTLIST format id ID #REQUIRED name CDATA #IMPLIED frameDuration CDATA #IMPLIED width CDATA #IMPLIED height CDATA #IMPLIED>
{asset}
<!ATTLIST asset id ID #REQUIRED name CDATA #IMPLIED start CDATA #IMPLIED duration CDATA #IMPLIED hasVideo CDATA #IMPLIED
  format IDREF #IMPLIED hasAudio CDATA #IMPLIED audioSources CDATA #IMPLIED audioChannels CDATA #IMPLIED audioRate CDATA #IMPLIED>
<!ELEMENT event (project)*>
<!ATTLIST event name CDATA #IMPLIED>
<!ELEMENT project (sequence)>
<!ATTLIST project name CDATA #IMPLIED>
<!ELEMENT sequence (note?, spine, metadata?)>
<!ATTLIST sequence format IDREF #REQUIRED duration CDATA #IMPLIED tcStart CDATA #IMPLIED tcFormat (DF | NDF) #IMPLIED
  audioLayout (mono | stereo | surround) #IMPLIED audioRate (32k | 44.1k | 48k | 88.2k | 96k | 176.4k | 192k) #IMPLIED>
<!ELEMENT note (#PCDATA)>
<!ELEMENT metadata EMPTY>
<!ELEMENT spine (asset-clip | gap)*>
<!ELEMENT asset-clip (note?, conform-rate?, (marker | chapter-marker | keyword)*, metadata?)>
<!ATTLIST asset-clip ref IDREF #REQUIRED offset CDATA #IMPLIED name CDATA #IMPLIED start CDATA #IMPLIED duration CDATA #IMPLIED
  format IDREF #IMPLIED tcFormat (DF | NDF) #IMPLIED>
<!ELEMENT gap (note?, (marker | chapter-marker | keyword)*, metadata?)>
<!ATTLIST gap name CDATA #IMPLIED offset CDATA #IMPLIED start CDATA #IMPLIED duration CDATA #REQUIRED>
<!ELEMENT conform-rate EMPTY>
<!ATTLIST conform-rate scaleEnabled (0 | 1) "1"
  srcFrameRate (23.98 | 24 | 25 | 29.97 | 30 | 60 | 47.95 | 48 | 50 | 59.94) #IMPLIED>
<!ELEMENT marker EMPTY>
<!ATTLIST marker start CDATA #REQUIRED duration CDATA #IMPLIED value CDATA #REQUIRED completed CDATA #IMPLIED note CDATA #IMPLIED>
<!ELEMENT chapter-marker EMPTY>
<!ATTLIST chapter-marker start CDATA #REQUIRED duration CDATA #IMPLIED value CDATA #REQUIRED note CDATA #IMPLIED>
<!ELEMENT keyword EMPTY>
<!ATTLIST keyword start CDATA #IMPLIED duration CDATA #IMPLIED value CDATA #REQUIRED note CDATA #IMPLIED>
"""


def dtd(version: str) -> str:
    """The DTD of `version`."""
    return _COMMON.format(version=version, asset=_ASSET_1_8 if version == "1.8" else _ASSET_1_9)
