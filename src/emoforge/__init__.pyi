from emoforge.base.errors import AudioError as AudioError
from emoforge.base.errors import EmoforgeError as EmoforgeError
from emoforge.base.errors import ModelError as ModelError
from emoforge.recording.convert import EmotionConverter as EmotionConverter
from emoforge.recording.convert import convert as convert
from emoforge.recording.convert import load_converter as load_converter
from emoforge.recording.predict import EmotionRecogniser as EmotionRecogniser
from emoforge.recording.predict import load_recogniser as load_recogniser
from emoforge.recording.predict import predict as predict
from emoforge.recording.prosody import Prosody as Prosody
from emoforge.recording.prosody import prosody as prosody
from emoforge.recording.score import Scores as Scores
from emoforge.recording.score import score as score
from emoforge.sharing.published import ClipSet as ClipSet
from emoforge.sharing.published import open_set as open_set

__version__: str
